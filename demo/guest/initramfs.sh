#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First process of the guest: find the disk, mount it, go there.
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
while read -r module; do busybox insmod "/lib/$module"; done </modules
busybox mount -t ext4 -o noatime /dev/vda1 /root || exec sh
for place in dev proc sys; do busybox mount -o move /$place /root/$place; done
exec busybox switch_root /root /sbin/init
