die() {
    echo "dsr: $*" >&2
    exit 1
}
