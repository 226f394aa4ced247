#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First program of user-mode Linux while an image is built: as install.sh, on
# the host's / with the host's extlinux.  The kernel's arguments name what
# else it needs: install.initrd=FILE.
PATH=/sbin:/bin:/usr/sbin:/usr/bin
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev 2>/dev/null # it may be there already
$b mount -t tmpfs tmpfs /mnt
# Where ext4 is no part of the kernel: modprobe looks below lib/modules.
release=$($b uname -r)
$b mkdir -p /mnt/lib/modules /mnt/disk
$b ln -s "/usr/lib/uml/modules/$release" "/mnt/lib/modules/$release"
modprobe -d /mnt ext4
initrd=$($b cat /proc/cmdline)
initrd=${initrd##*install.initrd=}
initrd=${initrd%% *}
$b mount -t ext4 /dev/ubda1 /mnt/disk &&
    $b cp "$initrd" /mnt/disk/boot/initrd &&
    extlinux --install /mnt/disk/boot/extlinux &&
    $b umount /mnt/disk &&
    echo BOOT-LOADER-INSTALLED
exec $b poweroff -f
