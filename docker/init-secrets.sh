#!/bin/sh
# Generates the passwords on the first start; docs/decisions/0008-compose-secrets.md says why here.
set -eu
umask 077

# This file is written last: if it exists, all do.
[ -s /secrets/ipdr/database-url ] && exit 0

# Each file is readable by one group and writable by none.
put() { # value, file, group
	printf %s "$1" >"$2.new"
	chgrp "$3" "$2.new"
	chmod 0440 "$2.new"
	mv "$2.new" "$2"
}

# Stays if only the service's password is replaced (docs/operations.md).
[ -s /secrets/mysql/root-password ] || put "$(openssl rand -hex 24)" /secrets/mysql/root-password mysql

# Hexadecimal needs no escaping, in SQL or in a URL.
password=$(openssl rand -hex 24)
put "$password" /secrets/mysql/ipdr-password mysql
put "mysql://ipdr:$password@mysql:3306/ipdr" /secrets/ipdr/database-url 1000
