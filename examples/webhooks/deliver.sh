#!/bin/sh
# Delivers a body as a web shop would: signed, with the headers that it sends. For trying things out.
#   ./deliver.sh woo order.updated woocommerce-order.json
#   ./deliver.sh shopify orders/updated shopify-order.json
# Needs openssl and curl. The secret lies in the file HOOK-secret, the server listens where INTAKE says.
set -eu
hook=$1 topic=$2 body=$3
secret=$(head -n 1 "$hook-secret")
signature=$(openssl dgst -sha256 -hmac "$secret" -binary < "$body" | openssl base64 -A)
case $topic in
*/*) set -- -H "X-Shopify-Topic: $topic" -H "X-Shopify-Hmac-Sha256: $signature" ;;
*) set -- -H "X-WC-Webhook-Topic: $topic" -H "X-WC-Webhook-Signature: $signature" ;;
esac
exec curl --silent --show-error -H 'Content-Type: application/json' "$@" \
    --data-binary "@$body" "${INTAKE:-http://127.0.0.1:8025}/v1/hooks/$hook"
