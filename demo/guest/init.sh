#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First process on the disk: check what was read, write, say so, stay.
#
# /etc/vmthunder.conf, or a kernel argument vmthunder.after=..., decides what
# comes then: "shell" (a shell on the console) or "poweroff".
export PATH=/bin:/sbin

check() {
    if ! sha256sum -c -s /etc/manifest; then
        echo 'VMTHUNDER-GUEST-FAILED a file on the disk is wrong'
    elif ! { cat /proc/uptime >/var/written && sync; }; then
        echo 'VMTHUNDER-GUEST-FAILED the disk refuses writes'
    else
        echo "VMTHUNDER-GUEST-UP $(uname -r)"
    fi
}

cd /
. /etc/vmthunder.conf
for word in $(cat /proc/cmdline); do
    case $word in vmthunder.after=*) after=${word#*=} ;; esac
done
echo # the boot loader leaves the cursor anywhere
check
[ "$after" = poweroff ] && poweroff -f
while :; do setsid cttyhack sh; done
