// The file format of docs/envelope.md: header and chunks. Knows no page and no server.
export const CHUNK = 1024 * 1024;
const MAGIC = new TextEncoder().encode("KMSENV\0\x01");
const TAG = 16;
const PREFIX = 7;
const FIXED = MAGIC.length + 4 + 2 + PREFIX;
const LONGEST_BLOB = 4096;
const KEY_BYTES = 32;
const MOST_CHUNKS = 2 ** 32;

// Not as it was written. `foreign` where it doesn't even begin like an envelope.
export class EnvelopeRefused extends Error {
  constructor(foreign = false) {
    super("not an envelope, or not as it was written");
    this.foreign = foreign;
  }
}

// `use` is "encrypt" or "decrypt". Script can use the key, but never read it again.
export async function importKey(base64, use) {
  const raw = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  try {
    if (raw.length !== KEY_BYTES) throw new EnvelopeRefused();
    return await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
  } finally {
    raw.fill(0);
  }
}

// Yields the envelope of a Blob, piece by piece.
export async function* encrypt(file, key, ciphertextBlob) {
  const header = headerFor(ciphertextBlob);
  yield header;
  for await (const chunk of chunks(file, CHUNK)) {
    yield new Uint8Array(await crypto.subtle.encrypt(sealing(header, chunk), key, chunk.bytes));
  }
}

// Reads the header of an envelope: what the service must open, and what decrypt() needs.
export async function read(file) {
  const fixed = await bytesOf(file.slice(0, FIXED));
  if (fixed.length < FIXED || MAGIC.some((byte, place) => fixed[place] !== byte)) {
    throw new EnvelopeRefused(true);
  }
  const view = new DataView(fixed.buffer);
  const length = view.getUint16(MAGIC.length + 4);
  const known = view.getUint32(MAGIC.length) === CHUNK && length > 0 && length <= LONGEST_BLOB;
  if (!known || file.size < FIXED + length + TAG) throw new EnvelopeRefused();
  const header = await bytesOf(file.slice(0, FIXED + length));
  return {
    header,
    ciphertextBlob: new TextDecoder().decode(header.subarray(FIXED)),
    sealed: file.slice(FIXED + length),
  };
}

// Yields the plaintext, piece by piece. It is whole and true only if this ends without
// EnvelopeRefused: keep back what came until then.
export async function* decrypt({ header, sealed }, key) {
  for await (const chunk of chunks(sealed, CHUNK + TAG)) {
    let plain;
    try {
      plain = await crypto.subtle.decrypt(sealing(header, chunk), key, chunk.bytes);
    } catch {
      throw new EnvelopeRefused();
    }
    yield new Uint8Array(plain);
  }
}

async function bytesOf(blob) {
  return new Uint8Array(await blob.arrayBuffer());
}

function headerFor(ciphertextBlob) {
  const blob = new TextEncoder().encode(ciphertextBlob);
  const header = new Uint8Array(FIXED + blob.length);
  const view = new DataView(header.buffer);
  header.set(MAGIC);
  view.setUint32(MAGIC.length, CHUNK);
  view.setUint16(MAGIC.length + 4, blob.length);
  crypto.getRandomValues(header.subarray(FIXED - PREFIX, FIXED));
  header.set(blob, FIXED);
  return header;
}

function sealing(header, { number, last }) {
  // A number that began again would use a nonce twice.
  if (number >= MOST_CHUNKS) throw new RangeError("too many chunks for one envelope");
  const iv = new Uint8Array(PREFIX + 5);
  iv.set(header.subarray(FIXED - PREFIX, FIXED));
  const view = new DataView(iv.buffer);
  view.setUint32(PREFIX, number);
  view.setUint8(PREFIX + 4, last ? 1 : 0);
  return { name: "AES-GCM", iv, additionalData: header, tagLength: 8 * TAG };
}

// Cuts a Blob into chunks of `size` bytes, the last one shorter; an empty Blob is one
// empty chunk. Every chunk lies in the same memory: use it up before asking for more.
async function* chunks(blob, size) {
  const reader = blob.stream().getReader();
  const buffer = new Uint8Array(size);
  let filled = 0;
  let number = 0;
  let seen = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      seen += value.length;
      for (let rest = value; rest.length; ) {
        // Only when more follows it is known that this chunk isn't the last one.
        if (filled === size) {
          yield { bytes: buffer, number: number++, last: false };
          filled = 0;
        }
        const taken = rest.subarray(0, size - filled);
        buffer.set(taken, filled);
        filled += taken.length;
        rest = rest.subarray(taken.length);
      }
    }
    // A file that shrank meanwhile must not pass for a whole one.
    if (seen !== blob.size) throw new DOMException("The file changed", "NotReadableError");
    yield { bytes: buffer.subarray(0, filled), number, last: true };
  } finally {
    buffer.fill(0);
    await reader.cancel().catch(() => {});
  }
}
