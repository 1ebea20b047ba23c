"""How the examples reach the service, with the unmodified Tencent Cloud SDK.

TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY   an access key
KMS_ENDPOINT   http://127.0.0.1:8000 unless set; https:// works as well
KMS_REGION     ap-guangzhou unless set
KMS_CA_FILE    the certificate authority of an own https server, if it has one
"""

import os
from urllib.parse import urlsplit

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.kms.v20190118.kms_client import KmsClient


def client() -> KmsClient:
    """Return a client; raises KeyError where the access key is not set."""
    endpoint = urlsplit(os.environ.get("KMS_ENDPOINT", "http://127.0.0.1:8000"))
    http = HttpProfile(
        protocol=endpoint.scheme,
        endpoint=endpoint.netloc,
        certification=os.environ.get("KMS_CA_FILE"),
    )
    credential = Credential(
        os.environ["TENCENTCLOUD_SECRET_ID"], os.environ["TENCENTCLOUD_SECRET_KEY"]
    )
    region = os.environ.get("KMS_REGION", "ap-guangzhou")
    return KmsClient(credential, region, ClientProfile(httpProfile=http))
