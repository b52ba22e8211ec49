# The interfaces that have an address.
holders() {
    ifconfig -a | awk -v address="$1" '
        /^[^ \t]/ { name = $1; sub(/:$/, "", name) }
        ($1 == "inet" || $1 == "inet6") && $2 == address { print name }
    '
}
