#!/bin/sh
# Installs Nightshift from this archive, or takes it away again. It keeps what was edited in /etc, and never touches
# /var/lib/nightshift: there are the device's key, its journal and its lock.
#
#   install.sh [--root DIR]              installs, or upgrades
#   install.sh --uninstall [--root DIR]  removes the programs
set -eu

here="$(cd "$(dirname "$0")" && pwd)"
root=""
uninstall=""
while [ $# -gt 0 ]; do
  case "$1" in
    --root) root="${2%/}"; shift ;;
    --uninstall) uninstall=yes ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "install.sh: only root can do that" >&2; exit 1; }
live=""
if [ -z "$root" ] && [ -d /run/systemd/system ]; then live=yes; fi

stopped=""
if [ -n "$live" ] && systemctl --quiet is-active nightshift-agent.service; then
  systemctl stop nightshift-agent.service
  stopped=yes
fi

if [ -n "$uninstall" ]; then
  [ -z "$live" ] || systemctl --quiet disable nightshift-agent.service || true
  (cd "$root/" && xargs -d '\n' rm -f -- <"$here/files" && rm -f opt/nightshift/files)
  find "$root/opt/nightshift" -depth -type d -empty -delete 2>/dev/null || true
  [ -z "$live" ] || systemctl daemon-reload
  echo "Removed. $root/etc/nightshift and $root/var/lib/nightshift, with the device's key, are still there."
  exit 0
fi

# What an earlier version had and this one has not goes: the programs' parts belong together.
if [ -f "$root/opt/nightshift/files" ]; then
  while read -r file; do grep -qxF "$file" "$here/files" || rm -f "$root/$file"; done <"$root/opt/nightshift/files"
fi
mkdir -p "$root/"
# A program that runs is replaced, not written into.
tar -C "$here/root" -c -T "$here/files" | tar -C "$root/" -x -p --unlink-first --no-same-owner
cp "$here/files" "$root/opt/nightshift/files"
while read -r file; do
  mkdir -p "$root/$(dirname "$file")"
  if [ ! -e "$root/$file" ]; then
    cp -p "$here/root/$file" "$root/$file"
  elif ! cmp -s "$here/root/$file" "$root/$file"; then
    cp -p "$here/root/$file" "$root/$file.new"
    echo "Kept $root/$file; the one of this version is $root/$file.new"
  fi
done <"$here/conffiles"
mkdir -p "$root/etc/nightshift/secrets"
chmod 0750 "$root/etc/nightshift"
chmod 0700 "$root/etc/nightshift/secrets"

if [ -n "$root" ]; then exit 0; fi
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers nightshift.conf
  systemd-tmpfiles --create nightshift.conf || true
elif ! id nightshift >/dev/null 2>&1; then
  useradd --system --home-dir /var/lib/nightshift --shell /usr/sbin/nologin nightshift
  install -d -m 0700 -o nightshift -g nightshift /var/lib/nightshift
  chgrp nightshift /etc/nightshift /etc/nightshift/agent.yaml
fi
for group in dialout gpio i2c; do
  if getent group "$group" >/dev/null; then usermod -a -G "$group" nightshift; fi
done
if [ -n "$live" ]; then
  udevadm control --reload 2>/dev/null || true
  systemctl daemon-reload
  [ -z "$stopped" ] || systemctl start nightshift-agent.service
fi
echo "Installed. Name the board in /etc/default/nightshift-agent, edit /etc/nightshift/agent.yaml, then:"
echo "  systemctl enable --now nightshift-agent"
