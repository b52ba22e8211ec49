#!/bin/sh
# {{ title }}
# {{ usage }}
set -eu

{% include "linux/begin.sh" %}
command -v nft >/dev/null || die "there is no nft here: install nftables"

# Made first so that deleting it never fails.
nft -f - <<'END'
table inet dsr_backend
delete table inet dsr_backend
END
echo "undone: the table inet dsr_backend"
