# Whether an interface, or any with -a, has an address.
has() {
    ifconfig "$1" | awk -v address="$2" '($1 == "inet" || $1 == "inet6") && $2 == address { found = 1 } END { exit !found }'
}
