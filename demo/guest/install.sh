#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in a throw-away machine while an image is built: extlinux installs
# itself only on a mounted file system, and here mounting needs no root.  It
# reads no file with holes, and mke2fs makes holes of runs of zeros: so the
# initramfs is written here, too.
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
while read -r module; do busybox insmod "/lib/$module"; done </modules
busybox mount -t ext4 /dev/vda1 /root &&
    busybox cp /initrd /root/boot/initrd &&
    /extlinux --install /root/boot/extlinux &&
    busybox umount /root &&
    echo BOOT-LOADER-INSTALLED
busybox poweroff -f
