#!/bin/sh
# Makes the passwords on the first start; docs/decisions/0008-compose-secrets.md says why it is done this way.
set -eu
umask 077

# Written last: if it is there, all are.
[ -s /secrets/ipdr/database-url ] && exit 0

# Readable by one group each, and writable by neither.
put() { # value, file, group
	printf %s "$1" >"$2.new"
	chgrp "$3" "$2.new"
	chmod 0440 "$2.new"
	mv "$2.new" "$2"
}

# Kept when only the service's password is made anew (docs/operations.md).
[ -s /secrets/mysql/root-password ] || put "$(openssl rand -hex 24)" /secrets/mysql/root-password mysql

# Hexadecimal needs no escaping, in SQL or in a URL.
password=$(openssl rand -hex 24)
put "$password" /secrets/mysql/ipdr-password mysql
put "mysql://ipdr:$password@mysql:3306/ipdr" /secrets/ipdr/database-url 1000
