#!/bin/sh
# lvs, lvcreate and lvremove, as far as glusterd calls them, for a kernel without device mapper.
# A thin volume LV of group "shm" is the file /run/lvm/LV behind the loop device /dev/shm/LV.
# Words and exit codes are LVM's own: test_snapshots.py has a recording.
set -eu
failed() {
    printf '  %s\n' "$@" >&2
    exit 5
}
must_exist() {
    group=${1#/dev/}
    group=${group%%/*}
    [ "$group" = shm ] || failed "Volume group \"$group\" not found" "Cannot process volume group $group"
    [ -f "/run/lvm/${1##*/}" ] || failed "Failed to find logical volume \"shm/${1##*/}\""
}
device=  # the last one
for word; do
    case $word in /dev/*) device=$word ;; esac
done
lv=${device##*/}
case "${0##*/} $*" in
"lvcreate --help")
    echo '	[ -k|--setactivationskip y|n ]'
    ;;
"lvcreate -s /dev/"*" --setactivationskip n --name /dev/shm/"*)
    must_exist "$2"
    if [ -p /run/lvm/.gate ]; then
        read -r _ < /run/lvm/.gate || true # until the test closes it
    fi
    [ ! -e /run/lvm/.full ] || failed 'Cannot create new thin volume, free space in thin pool shm/pool reached threshold.'
    mounted=$(findmnt -nro TARGET "$2")
    trap 'fsfreeze -u "$mounted"' EXIT # as device mapper does
    fsfreeze -f "$mounted"
    cp --sparse=always "/run/lvm/${2##*/}" "/run/lvm/$lv"
    loop=$(losetup --find --show "/run/lvm/$lv")
    mknod "$device" b 7 "${loop#/dev/loop}"
    echo "  Logical volume \"$lv\" created."
    ;;
"lvremove -f "*)
    must_exist "$device"
    losetup -d "$(losetup -nO NAME -j "/run/lvm/$lv")"
    rm "/run/lvm/$lv" "$device"
    echo "  Logical volume \"$lv\" successfully removed."
    ;;
"lvs --noheadings -o pool_lv "*)
    must_exist "$device"
    echo '  pool'
    ;;
"lvs --noheadings -o vg_name "*)
    must_exist "$device"
    echo '  shm'
    ;;
"lvs "*" --noheading -o vg_name,data_percent,lv_size --separator :")
    must_exist "$device"
    echo '  shm:12.50:64.00m'
    ;;
*)
    echo "  Not known to this stand-in: ${0##*/} $*" >&2
    exit 3
    ;;
esac
