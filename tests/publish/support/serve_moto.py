# moto's server with one user whose signatures count, and one bucket. It ends when its standard input does.
import json, os, sys, threading


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()

from moto import settings
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.server import main

ACCOUNT = "123456789012"
everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
iam = iam_backends[ACCOUNT]["aws"]
iam.create_user(region_name="us-east-1", user_name="publisher")
iam.put_user_policy("publisher", "everything", policy)
key = iam.create_access_key(user_name="publisher")
s3_backends[ACCOUNT]["aws"].create_bucket("repositories", "us-east-1")
print(key.access_key_id, key.secret_access_key, flush=True)
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
main(["-H", "127.0.0.1", "-p", "0"])
