if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    if [ "$1" -ge 1 ]; then
        # The units' RestartKillSignal hands the attached program over to the new version.
        systemctl try-restart dsr.service dsr-backend.service || true
    fi
fi
