// The official Node SDK on its core path; prints what it saw as one line of JSON.
const { randomUUID } = require("node:crypto");
const { Client } = require("tencentcloud-sdk-nodejs").kms.v20190118;

const { KMS_SCHEME, KMS_ENDPOINT, SECRET_ID, SECRET_KEY } = process.env;

function client(secretKey) {
  return new Client({
    credential: { secretId: SECRET_ID, secretKey },
    region: "ap-guangzhou",
    profile: { httpProfile: { protocol: `${KMS_SCHEME}://`, endpoint: KMS_ENDPOINT } },
  });
}

async function codeOf(promise) {
  try {
    await promise;
    return "";
  } catch (error) {
    return error.code;
  }
}

async function walk() {
  const kms = client(SECRET_KEY);
  const alias = `node-${randomUUID()}`;
  const made = await kms.CreateKey({ Alias: alias, Description: "数据", Tags: [{ TagKey: "a", TagValue: "b" }] });
  const key = { KeyId: made.KeyId };
  const plain = Buffer.from("hello from Node").toString("base64");
  const context = JSON.stringify({ shop: "é" });
  const sealed = await kms.Encrypt({ ...key, Plaintext: plain, EncryptionContext: context });
  const opened = await kms.Decrypt({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: context });
  const dataKey = await kms.GenerateDataKey({ ...key, KeySpec: "AES_256" });
  const kept = await kms.GenerateDataKey({ ...key, NumberOfBytes: 24, IsHostedByKms: 1, DataKeyName: alias });
  const again = await kms.GetDataKeyPlaintext({ DataKeyId: kept.DataKeyId });
  const listed = await kms.ListKeyDetail({ SearchKeyAlias: alias, Limit: 10 });
  const seen = await kms.DescribeKeys({ KeyIds: [made.KeyId] });
  await kms.UpdateKeyDescription({ ...key, Description: "a & b = 100 %" });
  const wrongContext = await codeOf(kms.Decrypt({ CiphertextBlob: sealed.CiphertextBlob }));
  await kms.DisableKey(key);
  return {
    state: made.KeyState,
    tagCode: made.TagCode,
    roundTrip: opened.Plaintext === plain,
    size: Buffer.from(dataKey.Plaintext, "base64").length,
    kept: again.Plaintext === kept.Plaintext,
    listed: listed.KeyMetadatas.map((row) => row.KeyId === made.KeyId),
    alias: seen.KeyMetadatas[0].Alias === alias,
    description: (await kms.DescribeKey(key)).KeyMetadata.Description,
    disabled: await codeOf(kms.Encrypt({ ...key, Plaintext: plain })),
    wrongContext,
    wrongSecret: await codeOf(client("nobody's").ListKeys({})),
    regions: (await kms.GetRegions({})).Regions.length > 0,
  };
}

walk().then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
