#!/usr/bin/env bash
# Verifies a receipt without any of hadir's code: jq, xxd and openssl. PROTOCOL.md explains each step.
# usage: verify-receipt.sh RECEIPT.json PUBLIC-KEY.pem
set -eu
receipt=$1 key=$2
t=$(mktemp -d)
trap 'rm -r "$t"' EXIT
get() { jq -er "$1" "$receipt"; }
lines() { for name in "${@:2}"; do echo "$name=$(get ".$1.$name")"; done; }
sha256() { openssl dgst -sha256 -r "$1" | cut -c1-64; }

# 1. the fact as text, and its hash
{
  echo hadir-fact-v1
  lines fact id government person device channel fix_at message_at sent_at received_at clock clock_error_us \
    clock_offset_us decided_at decided_by automatic flags coordinates_sha256
} >"$t/fact"
# 2. the leaf: a zero byte, the hash, the status, the first verdict
{
  printf '\0'
  sha256 "$t/fact" | xxd -r -p
  echo "status=$(get .status)"
  lines verdict verdict day session counts_as late_minutes early_minutes place fence relation
} >"$t/leaf"
hash=$(sha256 "$t/leaf")
# 3. up the tree (RFC 9162, 2.1.3.2): a step is on our left when our index is odd or the last of its level
index=$(get .tree.index)
last=$(($(get .tree.size) - 1))
for step in $(jq -r '.tree.path[]' "$receipt"); do
  [ "$last" -gt 0 ] || { echo "WRONG: the path is too long"; exit 1; }
  if [ $((index % 2)) = 1 ] || [ "$index" = "$last" ]; then
    echo "01$step$hash" | xxd -r -p >"$t/node"
    while [ $((index % 2)) = 0 ] && [ "$index" != 0 ]; do
      index=$((index / 2)) last=$((last / 2))
    done
  else
    echo "01$hash$step" | xxd -r -p >"$t/node"
  fi
  hash=$(sha256 "$t/node")
  index=$((index / 2)) last=$((last / 2))
done
[ "$last" = 0 ] || { echo "WRONG: the path is too short"; exit 1; }
[ "$hash" = "$(get .root)" ] || { echo "WRONG: the content does not lead to the root"; exit 1; }
# 4. the key's id, then the signature over label, tree size and root
id=$(openssl pkey -pubin -in "$key" -outform DER | tail -c 32 >"$t/raw" && sha256 "$t/raw" | cut -c1-16)
[ "$id" = "$(get .key)" ] || { echo "WRONG: another key"; exit 1; }
{
  echo hadir-group-v1
  printf '%016x' "$(get .tree.size)" | xxd -r -p
  get .root | xxd -r -p
} >"$t/signed"
printf '%s==' "$(get .signature)" | tr -- '-_' '+/' | openssl base64 -d -A >"$t/signature"
openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$t/signed" -sigfile "$t/signature" >"$t/said" ||
  { echo "WRONG: the signature"; exit 1; }
echo GOOD
