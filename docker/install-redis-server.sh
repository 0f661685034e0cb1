#!/bin/sh
# Makes sure that there is a redis-server on PATH: does nothing when there is, else asks the system's package manager.
set -eu

command -v redis-server >/dev/null && exit 0

give_up() {
  echo "respite: no redis-server on PATH, and $1." >&2
  echo "Install Redis 6 or newer (https://redis.io/download) and try again, or name a Redis that runs already:" >&2
  echo "  make run ARGS=\"--redis redis://host:6379\"" >&2
  exit 1
}

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null; then
  as_root=sudo
else
  as_root=none
fi

root() {
  [ "$as_root" != none ] || give_up 'it takes root or sudo to install one'
  ${as_root:+"$as_root"} "$@"
}

# Debian starts a service that was just installed, on port 6379. Only the program is wanted.
without_services() {
  policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ]; then
    root "$@"
  else
    printf '#!/bin/sh\nexit 101\n' | root tee "$policy" >/dev/null
    root chmod +x "$policy"
    status=0
    root "$@" || status=$?
    root rm -f "$policy"
    return "$status"
  fi
}

echo 'respite: no redis-server on PATH: installing it' >&2

if command -v apt-get >/dev/null; then
  root apt-get update -qq || true
  without_services env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >&2
elif command -v dnf >/dev/null; then
  root dnf install -y -q redis || root dnf install -y -q valkey-compat-redis
elif command -v yum >/dev/null; then
  root yum install -y -q redis
elif command -v apk >/dev/null; then
  root apk add --quiet redis || root apk add --quiet valkey-compat
elif command -v pacman >/dev/null; then
  root pacman -S --noconfirm --needed valkey
elif command -v zypper >/dev/null; then
  root zypper --non-interactive --quiet install redis
elif command -v brew >/dev/null; then
  brew install --quiet redis
elif command -v port >/dev/null; then
  root port -N install redis
else
  give_up 'no package manager that I know (apt-get, dnf, yum, apk, pacman, zypper, brew, port)'
fi || give_up 'the package manager could not install one: see its words above'

command -v redis-server >/dev/null || give_up 'the package that was installed has none'
