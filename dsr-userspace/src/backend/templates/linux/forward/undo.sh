
# What took off tunnels or turned DSCP codes back, if the set-up made it.
for device in "$state"/tunnel/*; do
    [ -e "$device" ] || continue
    ip link del "${device##*/}" 2>/dev/null || true
    rm "$device"
done
[ ! -d "$state/tunnel" ] || rmdir "$state/tunnel"
if [ -e "$state/fou" ]; then
    read -r family words <"$state/fou"
    # shellcheck disable=SC2086 # a word and a number
    ip "$family" fou del $words 2>/dev/null || true
    rm "$state/fou"
fi
if [ -e "$state/dscp" ]; then
    nft delete table inet dsr_backend_dscp 2>/dev/null || true
    rm "$state/dscp"
fi
