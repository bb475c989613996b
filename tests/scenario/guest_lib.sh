# shellcheck shell=bash
# Sourced by the scenarios that boot a QEMU guest (psample_guest, nic_guest): Debian's kernel for clouds, busybox, and
# programs with their libraries, all in an initramfs. Needs no KVM.
#
# The kernel is linux-image-cloud-amd64, which is unpacked and never installed: WEIR_GUEST_PACKAGE names the package's
# file; without it the package is downloaded. The caller sets $work, a folder of its own, before it calls these; they
# set $root, where the guest's files are put, and $version, the kernel's.

skip() { echo "skipped: $*" && exit 77; }

# The programs that a guest needs, and those of the caller.
guest_needs() {
  local program
  for program in qemu-system-x86_64 cpio depmod modprobe dpkg "$@"; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
  [[ -x /bin/busybox ]] || skip "busybox-static is not installed"
}

# Downloads the kernel's package into the folder $1, if WEIR_GUEST_PACKAGE does not name it; then it does.
guest_package() {
  local name
  if [[ -z ${WEIR_GUEST_PACKAGE:-} ]]; then
    name=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | grep -o -m 1 'linux-image-[0-9].*') ||
      skip "the package linux-image-cloud-amd64 is not known to apt-cache"
    (cd "$1" && apt-get download "$name" >/dev/null 2>&1) || skip "the package $name cannot be downloaded"
    WEIR_GUEST_PACKAGE=$(echo "$1"/linux-image-*.deb)
    export WEIR_GUEST_PACKAGE
  fi
  [[ -r $WEIR_GUEST_PACKAGE ]] || skip "the package file $WEIR_GUEST_PACKAGE is not there"
}

# The guest's root, with the busybox applets $@.
guest_root() {
  work=${work:?a folder of the caller}
  dpkg -x "$WEIR_GUEST_PACKAGE" "$work/kernel"
  version=$(basename "$work"/kernel/lib/modules/*)
  depmod -b "$work/kernel" "$version" 2>/dev/null
  root=$work/root
  mkdir -p "$root"/{bin,x,proc,sys,dev,tmp,run,out,etc,var,usr/lib64} "$root/usr/lib/modules/$version"
  ln -s usr/lib "$root/lib" && ln -s usr/lib64 "$root/lib64" && ln -s ../run "$root/var/run"
  cp /bin/busybox "$root/bin/"
  local applet
  for applet in sh mount modprobe echo cat sleep tar sync kill poweroff "$@"; do ln -s busybox "$root/bin/$applet"; done
}

# The libraries of the program or library $1. One that is a link stays a link: DPDK takes two copies of a driver for two
# drivers.
guest_libraries() {
  local library real
  for library in $(ldd "$1" | grep -o '/[^ ]*'); do
    real=$(readlink -f "$library")
    mkdir -p "$root$(dirname "$real")" "$root$(dirname "$library")"
    [[ -e $root$real ]] || cp "$real" "$root$real"
    [[ -e $root$library ]] || ln -s "$real" "$root$library"
  done
}

# Programs, into /x: busybox would prefer its own.
guest_programs() {
  local program
  for program in "$@"; do
    cp "$program" "$root/x/" && guest_libraries "$program"
  done
}

# Modules of the kernel, with what they need.
guest_modules() {
  local module file inside
  for module in "$@"; do
    modprobe -d "$work/kernel" -S "$version" --show-depends "$module" | awk '/^insmod/{print $2}'
  done | sort -u | while read -r file; do
    inside=${file#"$work"/kernel/}
    mkdir -p "$root/$(dirname "$inside")" && cp "$file" "$root/$inside"
  done
  cp "$work/kernel/lib/modules/$version"/modules.builtin* "$root/lib/modules/$version/"
  depmod -b "$root" "$version" 2>/dev/null
}

# Packs the root and runs it with QEMU's options $@, at most 900 s. /init is the first program; what it writes to
# /dev/vda with tar is the result.
guest_run() {
  chmod +x "$root/init"
  (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs"
  truncate -s 16M "$work/disk"
  timeout 900 qemu-system-x86_64 -accel tcg -M q35 -cpu max -display none -no-reboot -nodefaults \
    -kernel "$work/kernel/boot/vmlinuz-$version" -initrd "$work/initramfs" \
    -drive "file=$work/disk,if=virtio,format=raw" "$@"
}

# Puts the results into the folder $1. False if the guest has not written the file $2, its last one.
guest_results() {
  mkdir -p "$1"
  tar xf "$work/disk" -C "$1" --strip-components=1 && [[ -e $1/$2 ]]
}
