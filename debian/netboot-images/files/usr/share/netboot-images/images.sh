# shellcheck shell=sh
# Which versions of which images are installed and whole, and which one is to be served.

LIB=/usr/lib/netboot-images

# installed NAME: its versions, oldest first, in dpkg's order where there is dpkg.
installed() {
	for folder in "$R$LIB/$1"/*/; do
		folder=${folder%/}
		[ -d "$folder" ] && proper "${folder##*/}" && say "${folder##*/}"
	done | sort -V
}

# images: every name that is installed or set up.
images() {
	for path in "$R$LIB"/*/ "$S/images"/*; do
		path=${path%/}
		[ -e "$path" ] && proper "${path##*/}" && say "${path##*/}"
	done | sort -u
}

set_up() { [ -f "$S/images/$1" ]; }

# unpacked NAME VERSION: which unpacking of it is there, by its SHA256SUMS. The same version unpacked again has the same length and
# modification time, and often the inode that became free; only the change time tells.
unpacked() { TZ=UTC0 stat -c 'file:%i:%s:%z' "$R$LIB/$1/$2/SHA256SUMS"; }

# ready NAME VERSION: whether every file is there and as it was packed. dpkg renames files into place one after another, so a version
# counts only when its sums hold; they are computed once.
ready() {
	source=$R$LIB/$1/$2
	[ -f "$source/SHA256SUMS" ] || return 1
	sums=$(unpacked "$1" "$2")
	if [ -f "$S/complete/$1/$2" ]; then
		read -r known <"$S/complete/$1/$2"
		[ "$known" != "$sums" ] || return 0
	fi
	[ -z "$(find "$source" -name '*.dpkg-new' -o -name '*.dpkg-tmp')" ] || return 1
	(cd "$source" && sha256sum -c SHA256SUMS >/dev/null 2>&1) || return 1
	write "$S/complete/$1/$2" "$sums"
}

# retired NAME VERSION: whether it is being removed. Its files unpacked again are new ones.
retired() {
	[ -f "$S/retired/$1/$2" ] || return 1
	read -r known <"$S/retired/$1/$2"
	[ -f "$R$LIB/$1/$2/SHA256SUMS" ] && [ "$(unpacked "$1" "$2")" = "$known" ] && return 0
	forget "$S/retired/$1/$2"
	[ ! -d "$R$LIB/$1/$2" ]
}

usable() { ! retired "$1" "$2" && ready "$1" "$2"; }

newer() {
	if command -v dpkg >/dev/null; then
		dpkg --compare-versions "$1" gt "$2" 2>/dev/null
	else
		[ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -n 1)" = "$1" ]
	fi
}

# wanted NAME: sets PIN, FOLLOW and WANTED, the version to be served; nothing where there is none.
wanted() {
	PIN=- FOLLOW=newest WANTED=
	[ ! -f "$S/images/$1" ] || read -r PIN FOLLOW <"$S/images/$1"
	for version in "$PIN" "$FOLLOW"; do
		[ "$version" != - ] && [ "$version" != newest ] && usable "$1" "$version" || continue
		WANTED=$version
		return
	done
	for version in $(installed "$1"); do
		usable "$1" "$version" || continue
		if [ -z "$WANTED" ] || newer "$version" "$WANTED"; then WANTED=$version; fi
	done
}

# active NAME: sets ACTIVE to the version that is served now.
active() {
	ACTIVE=
	[ -z "$T" ] || [ ! -L "$T/netboot-images/$1/current" ] || ACTIVE=$(readlink "$T/netboot-images/$1/current")
}

# menus NAME: what its active version offers; of the one to be served where none is.
menus() {
	active "$1"
	if [ -z "$ACTIVE" ]; then
		wanted "$1"
		ACTIVE=$WANTED
	fi
	[ -n "$ACTIVE" ] || return 0
	for menu in "$R$LIB/$1/$ACTIVE/menus"/*; do
		[ -f "$menu" ] && proper "${menu##*/}" && say "${menu##*/}"
	done
}

# know_image NAME
know_image() {
	proper "$1" && [ -n "$(images | grep -Fx -e "$1")" ] && return 0
	fail 3 "no image is called '$1'" "installed are: $(images | paste -s -d ' ' -)"
}

# know_version NAME VERSION
know_version() {
	know_image "$1"
	[ -d "$R$LIB/$1/$2" ] && proper "$2" ||
		fail 3 "$1 has no version '$2' installed" "installed are: $(installed "$1" | paste -s -d ' ' -)"
	[ -f "$R$LIB/$1/$2/SHA256SUMS" ] && ready "$1" "$2" ||
		fail 1 "the files of $1 $2 are not all there, or not as they were packed" "install its package again: apt reinstall"
}
