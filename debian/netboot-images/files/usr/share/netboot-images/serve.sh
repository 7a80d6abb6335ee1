# shellcheck shell=sh
# Makes the TFTP root what the state says: versions laid out, `current` flipped, the loader and the links of nodes in place, and what
# nobody wants any more gone. In this order, so that whatever a node finds leads to files that are there:
#   netboot-images/NAME/VERSION → /usr/lib/netboot-images/NAME/VERSION, or a complete copy beside where the server cannot go there
#   netboot-images/NAME/current → VERSION
#   netboot-images/loader → a complete set of pxelinux.0 and *.c32;  pxelinux.0 → netboot-images/loader/pxelinux.0 and so on
#   pxelinux.cfg/NODE → ../netboot-images/NAME/current/menus/MENU
# Menus name their kernels by NAME/VERSION, so a node that has read one goes on undisturbed while `current` moves.

# hand_over PATH: to the server that serves only what is its own.
hand_over() {
	[ "$OWNER" = - ] || [ "$(stat -c %U "$1")" = "$OWNER" ] || chown -R "$OWNER" "$1" 2>/dev/null ||
		problem "${1#"$R"} cannot be given to the user $OWNER, and $SERVER serves only what is that user's"
}

# copy_whole FOLDER TARGET FILE…: a folder with copies that appears complete or not at all.
copy_whole() {
	into=$1
	target=$into/$2
	shift 2
	if [ ! -d "$target" ]; then
		own "$target" dir
		fresh=$into/$FRESH$$
		{ rm -rf "$fresh" && mkdir "$fresh" && cp -RL --preserve=timestamps "$@" "$fresh/" && chmod -R u=rwX,go=rX "$fresh" &&
			sync "$fresh" && mv -T "$fresh" "$target"; } || broken "cannot copy to ${target#"$R"}"
	fi
	hand_over "$target"
}

# lay_out NAME VERSION
lay_out() {
	place_folder "$T/netboot-images/$1" || return 1
	source=$R$LIB/$1/$2
	if [ "$MODE" = link ]; then
		here=$(cd -P "$T/netboot-images/$1" && pwd) && there=$(cd -P "$R$LIB/$1" && pwd) || broken "cannot enter $T"
		place_link "$T/netboot-images/$1/$2" "$(relative "$here" "$there")/$2"
	else
		copy=.$2.$(cd "$source" && find SHA256SUMS menus -type f -exec sha256sum {} + 2>/dev/null | LC_ALL=C sort | sha256sum | cut -c 1-12)
		may_place "$T/netboot-images/$1/$2" || return 1
		copy_whole "$T/netboot-images/$1" "$copy" "$source"/*
		place_link "$T/netboot-images/$1/$2" "$copy"
	fi
}

# Images that are set up and have nothing to be served, to which nothing is linked any more.
WITHOUT=

# serve_image NAME
serve_image() {
	wanted "$1"
	active "$1"
	if [ -z "$WANTED" ]; then
		WITHOUT="$WITHOUT $1"
		problem "$1 has no complete version installed; nodes that boot it find nothing"
		return
	fi
	# Those that were active before, so that a node can fetch what its menu named.
	for version in $(installed "$1"); do
		record "$T/netboot-images/$1/$version"
		if [ "$version" = "$WANTED" ] || { [ -f "$RECORD" ] && usable "$1" "$version"; }; then
			lay_out "$1" "$version" || return
		fi
	done
	place_link "$T/netboot-images/$1/current" "$WANTED" || return
	[ "$ACTIVE" = "$WANTED" ] || say "$1: ${ACTIVE:+$ACTIVE was active; }$WANTED is active now"
}

# clear_image NAME: versions that are no longer installed, or all that is served of a name that is not set up.
clear_image() {
	active "$1"
	wanted "$1"
	if ! set_up "$1" || [ -z "$WANTED" ]; then
		[ -z "$ACTIVE" ] || say "$1: $ACTIVE is no longer served"
		displace "$T/netboot-images/$1/current"
		ACTIVE=
	fi
	for path in "$S/owned$ROOT/netboot-images/$1"/*@; do
		version=${path##*/}
		version=${version%@}
		case $version in "*" | current | "$ACTIVE") continue ;; esac
		set_up "$1" && usable "$1" "$version" || displace "$T/netboot-images/$1/$version"
	done
	clear_copies "$T/netboot-images/$1"
	set_up "$1" || displace "$T/netboot-images/$1"
}

# clear_copies FOLDER: copies in it that no link leads to.
clear_copies() {
	named=
	for path in "$1"/*; do
		[ ! -L "$path" ] || named="$named$(readlink "$path") "
	done
	for path in "$S/owned${1#"$R"}"/.*@; do
		copy=${path##*/}
		copy=${copy%@}
		[ "$copy" != '.*' ] || continue
		case " $named" in *" $copy "*) continue ;; esac
		[ ! -d "$1/$copy" ] || remove_tree "$1/$copy"
		release "$1/$copy"
	done
}

# loaders NAME: the loader's files in its active version.
loaders() {
	for path in "$T/netboot-images/$1/current"/pxelinux.0 "$T/netboot-images/$1/current"/lpxelinux.0 "$T/netboot-images/$1/current"/*.c32; do
		[ ! -f "$path" ] || say "$path"
	done
}

# The set of the image that nodes boot by default, and from others what goes with it.
loader_set() {
	first=
	if [ -f "$S/links/default" ]; then
		read -r first _ <"$S/links/default"
		first=${first%%/*}
	fi
	chosen=
	for name in $first $(set_up_images); do
		folder=$T/netboot-images/$name/current
		[ -f "$folder/pxelinux.0" ] || continue
		if [ -z "$chosen" ]; then
			chosen=$folder
		elif ! cmp -s "$folder/pxelinux.0" "$chosen/pxelinux.0" || ! cmp -s "$folder/ldlinux.c32" "$chosen/ldlinux.c32"; then
			warn "$name comes with another pxelinux than ${chosen%/current}, and nodes that boot it are given the latter"
			continue
		fi
		loaders "$name"
	done | while read -r path; do
		case " ${seen-} " in *" ${path##*/} "*) continue ;; esac
		seen="${seen-} ${path##*/}"
		say "$path"
	done
}

serve_loader() {
	files=$(loader_set)
	[ -n "$files" ] || return 0
	set -f
	unset IFS
	IFS='
'
	# shellcheck disable=SC2086 # lines
	set -- $files
	unset IFS
	set +f
	for path in "$@"; do
		case ${path##*/} in
		pxelinux.0 | ldlinux.c32)
			foreign_loader "$path" || continue
			problem "$ROOT/${path##*/} is not of netboot-images and another than the images come with; none of the loader is touched. Move it away, then: netboot-images update"
			return
			;;
		esac
	done
	copy=.loader.$(cat "$@" | sha256sum | cut -c 1-12)
	copy_whole "$T/netboot-images" "$copy" "$@"
	place_link "$T/netboot-images/loader" "$copy" || return
	# The modules first: whoever finds pxelinux.0 must find what it loads.
	for path in "$@"; do
		[ "${path##*/}" = pxelinux.0 ] || serve_loader_file "$path"
	done
	for path in "$@"; do
		[ "${path##*/}" != pxelinux.0 ] || serve_loader_file "$path"
	done
	clear_copies "$T/netboot-images"
	for path in "$S/owned$ROOT"/*.c32@ "$S/owned$ROOT"/*.0@; do
		path=${path##*/}
		path=$T/${path%@}
		[ -e "$path" ] || displace "$path"
	done
}

# foreign_loader FILE: whether the root has another file of this name that is not ours.
foreign_loader() {
	! mine "$T/${1##*/}" && [ "$IDENTITY" != none ] && ! cmp -s "$T/${1##*/}" "$1"
}

serve_loader_file() {
	mine "$T/${1##*/}" || [ "$IDENTITY" = none ] || ! cmp -s "$T/${1##*/}" "$1" || return 0
	place_link "$T/${1##*/}" "netboot-images/loader/${1##*/}"
}

clear_loader() {
	for path in "$S/owned$ROOT"/*.0@ "$S/owned$ROOT"/*.c32@; do
		path=${path##*/}
		path=${path%@}
		case $path in '*'*) ;; *) displace "$T/$path" ;; esac
	done
	displace "$T/netboot-images/loader"
	clear_copies "$T/netboot-images"
}

set_up_images() {
	for path in "$S/images"/*; do
		[ ! -f "$path" ] || say "${path##*/}"
	done
}

# http_folder: sets HTTP to where the web server finds the images; nothing when it is not to.
http_folder() {
	HTTP=$(setting "$R/etc/netboot-images.conf" HTTP_ROOT)
	case $HTTP in
	none) HTTP= ;;
	/*) ;;
	*)
		HTTP=
		[ ! -d "$R/var/www/html" ] || HTTP=/var/www/html
		;;
	esac
	[ -z "$HTTP" ] || [ -d "$R$HTTP" ] || {
		problem "HTTP_ROOT is $HTTP, which is not there"
		HTTP=
	}
}

serve_http() {
	http_folder
	before=
	[ ! -r "$S/http" ] || read -r before <"$S/http"
	if [ -n "$before" ] && [ "$before" != "$HTTP" ]; then
		displace "$R$before/netboot-images"
		forget "$S/http"
	fi
	[ -n "$HTTP" ] || return 0
	here=$(cd -P "$R$HTTP" && pwd) && there=$(cd -P "$T" && pwd) || return 0
	case $there/ in
	"$here"/) return 0 ;; # the web server serves the TFTP root itself
	esac
	place_link "$R$HTTP/netboot-images" "$(relative "$here" "$there")/netboot-images" || return 0
	[ "$before" = "$HTTP" ] || write "$S/http" "$HTTP"
}

clear_http() {
	[ -r "$S/http" ] || return 0
	read -r before <"$S/http"
	displace "$R$before/netboot-images"
	forget "$S/http"
}

# clear_root ROOT: all that is ours in a folder that is the TFTP root no longer.
clear_root() {
	[ -d "$S/owned$1" ] || return 0
	present=$ROOT
	ROOT=$1
	T=$R$ROOT
	for path in "$S/owned$ROOT/pxelinux.cfg"/*@; do
		node=${path##*/}
		[ "$node" = '*@' ] || displace "$T/pxelinux.cfg/${node%@}"
	done
	clear_loader
	for path in "$S/owned$ROOT/netboot-images"/*; do
		[ -d "$path" ] || continue
		name=${path##*/}
		displace "$T/netboot-images/$name/current"
		for version in "$path"/*@; do
			version=${version##*/}
			[ "$version" = '*@' ] || displace "$T/netboot-images/$name/${version%@}"
		done
		clear_copies "$T/netboot-images/$name"
		displace "$T/netboot-images/$name"
	done
	displace "$T/netboot-images"
	displace "$T/pxelinux.cfg"
	ROOT=$present
	T=${ROOT:+$R$ROOT}
}

# What an interrupted call left.
clear_fresh() {
	for folder in "$T" "$T/pxelinux.cfg" "$T/netboot-images" "$T/netboot-images"/*/; do
		for path in "${folder%/}/$FRESH"*; do
			[ ! -L "$path" ] && [ ! -e "$path" ] || rm -rf "$path" || broken "cannot remove $path"
		done
	done
	find "$S" -name "$FRESH*" -exec rm -f {} +
}

# sync_all: the TFTP root becomes what is wanted. 1 when there is none.
sync_all() {
	if ! choose; then
		[ -n "$(set_up_images)" ] || {
			clear_last_root
			return 0
		}
		offer_dnsmasq && choose || {
			problem "$(no_server); $(no_server_hint)"
			return 1
		}
	fi
	if [ -n "$(set_up_images)" ] && [ ! -d "$T" ]; then
		mkdir -p "$T" || broken "cannot make the TFTP root $ROOT"
	fi
	[ -d "$T" ] || {
		clear_last_root
		return 0
	}
	clear_fresh
	if [ -z "$(set_up_images)" ]; then
		clear_http
		clear_root "$ROOT"
		clear_last_root
		forget "$S/served"
		return 0
	fi
	if [ -d "$T/netboot-images" ] && ! mine "$T/netboot-images" && ! rmdir "$T/netboot-images" 2>/dev/null; then
		may_place "$T/netboot-images"
		return 1
	fi
	if ! place_folder "$T/netboot-images" || ! place_folder "$T/pxelinux.cfg"; then return 1; fi
	WITHOUT=
	for name in $(set_up_images); do serve_image "$name"; done
	serve_loader
	sync_links
	for path in "$S/owned$ROOT/netboot-images"/*/; do
		[ ! -d "$path" ] || clear_image "$(basename "$path")"
	done
	serve_http
	clear_last_root
	write "$S/served" "$SERVER $MODE $OWNER $ROOT"
}

# The root of before, when the server has another one now.
clear_last_root() {
	[ -r "$S/served" ] || return 0
	read -r _ _ _ before <"$S/served"
	[ "$before" = "$ROOT" ] || clear_root "$before"
}
