# shellcheck shell=sh
# Nodes: what they are called in pxelinux.cfg, and which menus they are linked to, for good or for a while.

NODE_HINT="a MAC address (52:54:00:12:34:56), an IPv4 address (10.0.0.1), its digits in hex (0A000001) or the first of them, or \`default\`"

# node_name NODE: sets NODE to the name of its file in pxelinux.cfg.
node_name() {
	NODE=
	case $1 in
	default) NODE=default ;;
	*.*.*.*) NODE=$(ipv4 "$1") ;;
	*)
		digits=$(printf '%s' "$1" | tr -d ':.-' | tr 'A-F' 'a-f')
		case $digits in
		0x*) digits=${digits#0x} ;;
		esac
		case $1:${#digits} in
		*[!0-9A-Fa-fx:.-]*) ;;
		??[:-]??[:-]??[:-]??[:-]??[:-]??:12 | ????.????.????:12 | ????????????:12) NODE=01-$(mac "$digits") ;;
		??-??-??-??-??-??-??:14) NODE=$(printf '%s' "$digits" | cut -c 1-2)-$(mac "${digits#??}") ;;
		*[.:-]*:*) ;;
		*:[1-8]) NODE=$(printf '%s' "$digits" | tr 'a-f' 'A-F') ;;
		esac
		case $digits in *[!0-9a-f]*) NODE= ;; esac
		;;
	esac
	[ -n "$NODE" ] || fail 2 "'$1' is no node" "a node is $NODE_HINT"
}

# shown NODE: as people know it: with the address where its name is one in hex.
shown() {
	case $1 in
	*[!0-9A-F]*) say "$1" ;;
	????????)
		# shellcheck disable=SC2046 # words
		printf '%s (%d.%d.%d.%d)\n' "$1" $(printf '%s' "$1" | sed 's/../0x& /g')
		;;
	*) say "$1" ;;
	esac
}

mac() { printf '%s' "$1" | sed 's/../&-/g; s/-$//'; }

ipv4() {
	printf '%s' "$1" | awk -F . '
		NF != 4 { exit }
		{ for (i = 1; i <= 4; i++) { if ($i !~ /^(0|[1-9][0-9]?[0-9]?)$/ || $i > 255) exit; out = out sprintf("%02X", $i) } print out }'
}

# menu_name MENU: sets MENU to NAME/MENU.
menu_name() {
	case $1 in
	*/*)
		image=${1%%/*}
		know_image "$image"
		set_up "$image" ||
			fail 3 "$image is installed, but not served" "netboot-images activate $image newest"
		menus "$image" | grep -Fqx -e "${1#*/}" ||
			fail 3 "$image has no menu '${1#*/}'" "$(menus_hint "$image")"
		MENU=$1
		;;
	*)
		MENU=
		for image in $(set_up_images); do
			menus "$image" | grep -Fqx -e "$1" || continue
			[ -z "$MENU" ] || fail 3 "several images have a menu '$1'" "say which: $MENU or $image/$1"
			MENU=$image/$1
		done
		[ -n "$MENU" ] || fail 3 "no image that is served has a menu '$1'" "$(menu_hint)"
		;;
	esac
}

# menus_hint NAME
menus_hint() {
	if [ -n "$(menus "$1")" ]; then
		say "it has: $(menus "$1" | paste -s -d ' ' -)"
	else
		say "its nodes read no menus of pxelinux's: DHCP says what they load, from netboot-images/$1/current"
	fi
}

menu_hint() {
	menus=$(for image in $(set_up_images); do menus "$image" | sed "s|^|$image/|"; done | paste -s -d ' ' -)
	if [ -n "$menus" ]; then
		say "there are: $menus"
	elif [ -n "$(set_up_images)" ]; then
		say "no image that is served has menus of pxelinux's: DHCP says what their nodes load, from netboot-images/NAME/current"
	else
		say "no image is served yet; \`netboot-images list\` says what is installed"
	fi
}

# seconds TEXT: sets SECONDS_FOR to 300 for 300, 300s or 5m; h and d are known too.
seconds() {
	number=${1%[smhd]}
	case $number in
	'' | *[!0-9]* | 0* | ????????*) fail 2 "'$1' is no time" "a number of seconds, or 5m, 2h, 1d" ;;
	esac
	case $1 in
	*m) SECONDS_FOR=$((number * 60)) ;;
	*h) SECONDS_FOR=$((number * 3600)) ;;
	*d) SECONDS_FOR=$((number * 86400)) ;;
	*) SECONDS_FOR=$number ;;
	esac
}

# node_menus NAME: those of its menus that are named after nodes.
node_menus() {
	for path in "$T/netboot-images/$1/current/menus"/*; do
		case ${path##*/} in
		[0-9a-f][0-9a-f]-[0-9a-f][0-9a-f]-[0-9a-f][0-9a-f]-[0-9a-f][0-9a-f]-[0-9a-f][0-9a-f]-[0-9a-f][0-9a-f]-[0-9a-f][0-9a-f]) ;;
		*[!0-9A-F]* | ?????????*) continue ;;
		esac
		say "${path##*/}"
	done
}

# The nodes that images come with menus for are linked to them, unless somebody said otherwise.
link_image_nodes() {
	for name in $(set_up_images); do
		for node in $(node_menus "$name"); do
			[ -e "$S/links/$node" ] || write "$S/links/$node" "$name/$node image"
		done
	done
	for path in "$S/links"/*; do
		[ -f "$path" ] || continue
		read -r menu by <"$path"
		[ "$by" != image ] || [ -f "$T/netboot-images/${menu%%/*}/current/menus/${menu#*/}" ] || forget "$path"
	done
}

served_at_all() {
	case "$WITHOUT " in *" $1 "*) return 1 ;; esac
	set_up "$1"
}

# menu_file NAME/MENU: sets MENU_FILE; 1 when it is not served.
menu_file() {
	MENU_FILE=netboot-images/${1%%/*}/current/menus/${1#*/}
	served_at_all "${1%%/*}" && [ -f "$T/$MENU_FILE" ]
}

# place_menu NODE NAME/MENU
place_menu() {
	if menu_file "$2"; then
		place_link "$T/pxelinux.cfg/$1" "../$MENU_FILE"
	else
		displace "$T/pxelinux.cfg/$1"
		! served_at_all "${2%%/*}" || problem "$1 is linked to $2, which the active version does not have"
	fi
}

# The time of last reading that a file with a menu for one boot begins with: whatever reads it changes that, where times are kept.
UNREAD=86400

# place_once NODE NAME/MENU: a file of its own, by which this node's reading can be told from others'.
place_once() {
	if ! menu_file "$2"; then
		place_menu "$1" "$2"
		return
	fi
	path=$T/pxelinux.cfg/$1
	sum=of:$(digest "$T/$MENU_FILE")
	if mine "$path" && [ "${IDENTITY#file:}" != "$IDENTITY" ] && grep -Fqx -e "$sum" "$RECORD"; then
		return
	fi
	may_place "$path" || return
	fresh=$T/pxelinux.cfg/$FRESH$$
	{ cp "$T/$MENU_FILE" "$fresh" && chmod 644 "$fresh"; } || broken "cannot write to $ROOT/pxelinux.cfg"
	hand_over "$fresh"
	touch -a -d "@$UNREAD" "$fresh" 2>/dev/null || touch -a -t 197001020000 "$fresh"
	made=$(file_identity "$fresh")
	own "$path" "$made
$sum"
	mv -fT "$fresh" "$path" || broken "cannot write $ROOT/pxelinux.cfg/$1"
	settle "$path" "$made
$sum"
}

# sync_links: every node's file becomes what is said of it.
sync_links() {
	[ -d "$T/pxelinux.cfg" ] || return 0
	link_image_nodes
	for path in "$S/links"/*; do
		node=${path##*/}
		[ -f "$path" ] && [ ! -f "$S/temporary/$node" ] || continue
		read -r menu _ <"$path"
		[ "$menu" = - ] || place_menu "$node" "$menu"
	done
	for path in "$S/temporary"/*; do
		[ -f "$path" ] || continue
		read -r menu once _ <"$path"
		case $once in
		once) place_once "${path##*/}" "$menu" ;;
		*) place_menu "${path##*/}" "$menu" ;;
		esac
	done
	for path in "$S/owned$ROOT/pxelinux.cfg"/*@; do
		node=${path##*/}
		node=${node%@}
		[ "$node" != '*' ] && [ ! -f "$S/temporary/$node" ] || continue
		menu=-
		[ ! -f "$S/links/$node" ] || read -r menu _ <"$S/links/$node"
		[ "$menu" != - ] || displace "$T/pxelinux.cfg/$node"
	done
}

# expire: what has had its time, or its boot, is forgotten. Sets NEXT to the seconds until there is something to do; nothing when
# nothing is temporary. No link outlives the time that was asked for when the clock is set back: it begins anew at what is now.
expire() {
	NEXT='' GONE=''
	grace=$(setting "$R/etc/netboot-images.conf" GRACE)
	case $grace in '' | *[!0-9]*) grace=5 ;; esac
	time=$(now)
	for path in "$S/temporary"/*; do
		[ -f "$path" ] || continue
		read -r menu once since lasts seen <"$path"
		before="$since $seen"
		[ "$time" -ge "$since" ] || since=$time
		[ "$seen" = 0 ] && [ "$once" = once ] && was_read "${path##*/}" && seen=$time
		[ "$time" -ge "$seen" ] || seen=$time
		left=
		[ "$lasts" = 0 ] || left=$((since + lasts - time))
		if [ "$seen" != 0 ]; then
			after=$((seen + grace - time))
			[ -n "$left" ] && [ "$left" -le "$after" ] || left=$after
		fi
		if [ -n "$left" ] && [ "$left" -le 0 ]; then
			forget "$path"
			GONE=yes
			continue
		fi
		[ "$before" = "$since $seen" ] || write "$path" "$menu $once $since $lasts $seen"
		[ -n "$NEXT" ] || NEXT=60
		[ -z "$left" ] || [ "$left" -ge "$NEXT" ] || NEXT=$left
	done
}

# was_read NODE: whether its file was read while nobody watched.
was_read() {
	mine "$T/pxelinux.cfg/$1" && [ "${IDENTITY#file:}" != "$IDENTITY" ] && [ "$(stat -c %X "$T/pxelinux.cfg/$1")" != "$UNREAD" ]
}
