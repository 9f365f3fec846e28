#!/bin/sh
# Makes the certificates of the tests anew: an authority that nobody trusts, and two pairs of it for
# the same names, good until the year 2119 and 2120. `ended.pem` serves for its dates alone.
set -eu
cd "$(dirname "$0")"
made=$(mktemp -d)
trap 'rm -r "$made"' EXIT
touch "$made/index"
cat >"$made/config" <<END
[ca]
default_ca = made
[made]
new_certs_dir = $made
database = $made/index
rand_serial = yes
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = DNS:localhost, DNS:news.example, IP:127.0.0.1
extendedKeyUsage = serverAuth
END
# Name, extensions, first and last second, and how it is signed.
certificate() {
  name=$1 extensions=$2 first=$3 last=$4
  shift 4
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$name" -config /dev/null -out "$made/$name.csr"
  openssl ca -batch -notext -config "$made/config" -in "$made/$name.csr" -out "$name.pem" \
    -extensions "$extensions" -startdate "$first" -enddate "$last" "$@" 2>"$made/log" || cat "$made/log"
}
certificate ca authority 20200101000000Z 21200101000000Z -selfsign -keyfile ca.key
certificate old server 20200101000000Z 21190101000000Z -cert ca.pem -keyfile ca.key
certificate new server 20200101000000Z 21200101000000Z -cert ca.pem -keyfile ca.key
certificate ended server 20200101000000Z 20210301123456Z -cert ca.pem -keyfile ca.key
# What was signed is enough: nobody can sign more.
rm ca.key ended.key
