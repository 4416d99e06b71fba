"""What every answer says of itself over HTTP, whoever makes it."""

# What no answer of ours is to be taken for, unless it says otherwise itself: a page, a frame,
# something to be kept on the way, another type than its own.
SAFELY = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
}
