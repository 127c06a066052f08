#!/bin/bash
# Stands in for systemctl and for systemd behind it, for one unit: real processes, started by the launcher, in a process group as in a control group, started again
# 0.3 s after a failure (10 s in the unit). What systemd would know is in the files of $HALO_TEST_UNIT.
unit="$HALO_TEST_UNIT"
get() { cat "$unit/$1" 2>/dev/null; }
put() { echo "$2" >"$unit/$1.new.$$" && mv "$unit/$1.new.$$" "$unit/$1"; }
stop() {
    local group
    group="$(get group)"
    [ -n "$group" ] || return 0
    put state deactivating
    kill -KILL "$group" 2>/dev/null
    kill -TERM -- "-$group" 2>/dev/null
    for _ in $(seq 150); do kill -0 -- "-$group" 2>/dev/null || break; sleep 0.1; done
    kill -KILL -- "-$group" 2>/dev/null
    rm -f "$unit/group"
}
case "$1" in
    reset-failed) put restarts 0 ;;
    show) printf 'ActiveState=%s\nNRestarts=%s\n' "$(get state)" "$(get restarts)" ;;
    # As with --no-block: the job goes on whatever becomes of who asked.
    restart) setsid "$0" job </dev/null >/dev/null 2>&1 & ;;
    job)
        exec 9>"$unit/lock"
        flock 9
        stop
        put state activating
        setsid "$0" unit </dev/null >>"$unit/log" 2>&1 9>&- &
        until [ -n "$(get group)" ]; do sleep 0.05; done
        ;;
    unit)
        put group "$BASHPID"
        while true; do
            put state active
            "$HALO_TEST_PROGRAM" run --config "$HALO_TEST_CONFIG" &
            wait "$!"
            code=$?
            case "$code" in 0) put state inactive; exit ;; 2) put state failed; exit ;; esac
            put state activating
            put restarts "$(($(get restarts) + 1))"
            sleep 0.3
        done
        ;;
esac
