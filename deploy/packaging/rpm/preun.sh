# $1 counts the versions that stay: 0 is a removal.
if [ "$1" -eq 0 ]; then
    if [ -d /run/systemd/system ]; then
        systemctl disable --now --quiet dsr.service dsr-backend.service || true
    fi
    # A killed agent leaves its program attached, and only dsr can detach it.
    if [ -d /sys/fs/bpf/dsr ]; then
        dsr detach || true
    fi
    if [ -d /run/dsr-backend ]; then
        dsr backend run --undo || true
    fi
fi
