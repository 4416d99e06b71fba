#!/bin/sh
# Function URL → Lambda Web Adapter → uvicorn: the same app, streamed. The adapter runs this as the
# function's handler and forwards to AWS_LWA_PORT. Whence a request comes is not what its own headers
# say (streamed.py).
exec python -m uvicorn functions.chat.streamed:create --factory \
    --host 127.0.0.1 --port "${AWS_LWA_PORT:-8080}" --no-proxy-headers --no-access-log --log-level warning
