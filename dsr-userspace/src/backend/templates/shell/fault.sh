# A finding: the check's name, what is wrong, what fixes it.
fault() {
    faults=$((faults + 1))
    echo "fault: $1: $2: $3"
}
