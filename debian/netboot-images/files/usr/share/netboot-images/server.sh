# shellcheck shell=sh
# Which TFTP server serves which folder, read from its own configuration, and what of our own dnsmasq is told when none does.

# One line `SERVER MODE USER RUNNING ROOT` for each server that is set up to serve TFTP; `-` for no user.
SERVERS=
# Sentences on servers that cannot be used.
UNUSABLE=

candidate() {
	case $5 in
	/*) ;;
	*)
		UNUSABLE="$UNUSABLE$1: its TFTP root is not an absolute path: $5
"
		return
		;;
	esac
	case $5 in
	*\$* | *\`*)
		UNUSABLE="$UNUSABLE$1: its TFTP root can be known to a shell only: $5
"
		return
		;;
	esac
	root=$5
	while [ "$root" != / ] && [ "${root%/}" != "$root" ]; do root=${root%/}; done
	SERVERS="$SERVERS$1 $2 ${3:--} $4 $root
"
}

# running SERVICE PROGRAM: by systemd where that runs.
running() {
	if [ -d "$R/run/systemd/system" ]; then
		systemctl is-active --quiet "$1.service" && return 0
		[ "$1" = atftpd ] && systemctl is-active --quiet atftpd.socket
	else
		[ -z "$R" ] && pidof "$2" >/dev/null 2>&1
	fi
}

# state SERVICE PROGRAM: `running` or `stopped`.
state() {
	if running "$1" "$2"; then say running; else say stopped; fi
}

# directives FILE DEPTH: what dnsmasq makes of a configuration file and those that it names, one `name=value` or `name` a line.
directives() (
	[ -r "$R$1" ] && [ "$2" -lt 10 ] || return 0
	sed -e 's/^[[:space:]]*//' -e '/^#/d' -e 's/[[:space:]]#.*$//' -e 's/[[:space:]]*$//' -e '/^$/d' \
		-e 's/^\([a-z0-9-]*\)[[:space:]]*=[[:space:]]*/\1=/' -e 's/="\(.*\)"$/=\1/' "$R$1" |
		while IFS= read -r line || [ -n "$line" ]; do # the last one may have no end
			case $line in
			conf-file=*) directives "${line#*=}" $(($2 + 1)) ;;
			conf-dir=*) directives_of_folder "${line#*=}" "$2" ;;
			*) printf '%s\n' "$line" ;;
			esac
		done
)

# directives_of_folder FOLDER[,PATTERN…] DEPTH: files with the endings `.x` are left out; where there are patterns `*.x`, only those are read.
directives_of_folder() (
	folder=${1%%,*}
	patterns=${1#"$folder"}
	only=
	case $patterns in *,\**) only=yes ;; esac
	for file in "$R$folder"/*; do
		[ -f "$file" ] || continue
		base=${file##*/}
		case $base in
		*~ | \#*\# | .*) continue ;;
		esac
		wanted=${only:+no}
		set -f
		IFS=,
		for pattern in ${patterns#,}; do
			case $pattern in
			\**) [ "$base" = "${base%"${pattern#\*}"}" ] || wanted=yes ;;
			*) [ "$base" = "${base%"$pattern"}" ] || wanted=no ;;
			esac
		done
		unset IFS
		set +f
		[ "${wanted:-yes}" = no ] || directives "${file#"$R"}" $(($2 + 1))
	done
)

# Everything that Debian's dnsmasq is started with.
dnsmasq_directives() (
	main=/etc/dnsmasq.conf
	options=$(setting "$R/etc/default/dnsmasq" DNSMASQ_OPTS)
	set -f
	# shellcheck disable=SC2086 # words
	set -- $options
	set +f
	while [ $# -gt 0 ]; do
		case $1 in
		--conf-file=*) main=${1#*=} ;;
		-C | --conf-file) main=${2-} ;;
		-C*) main=${1#-C} ;;
		--tftp-root | --user | -u | --conf-dir | -7)
			case $1 in -u) name=user ;; -7) name=conf-dir ;; *) name=${1#--} ;; esac
			say "$name=${2-}"
			;;
		--*) say "${1#--}" ;;
		esac
		shift
	done
	directives "$main" 0
	folder=$(setting "$R/etc/default/dnsmasq" CONFIG_DIR)
	[ -z "$folder" ] || directives_of_folder "$folder" 0
)

installed_dnsmasq() {
	[ -x "$R/usr/sbin/dnsmasq" ] || return 1
	for unit in etc/init.d/dnsmasq lib/systemd/system/dnsmasq.service usr/lib/systemd/system/dnsmasq.service; do
		[ ! -e "$R/$unit" ] || return 0
	done
	return 1
}

detect_dnsmasq() {
	installed_dnsmasq || return 0
	enabled='' root='' other='' mode=link unique=''
	user=$(setting "$R/etc/default/dnsmasq" DNSMASQ_USER)
	user=${user:-dnsmasq}
	while IFS= read -r line; do
		case $line in
		enable-tftp | enable-tftp=*) enabled=yes ;;
		tftp-root=*,*) other=${other:-${line#*=}} ;;
		tftp-root=*) root=${line#*=} ;;
		tftp-secure) mode=copy ;;
		tftp-unique-root | tftp-unique-root=*) unique=yes ;;
		user=*) user=${line#*=} ;;
		esac
	done <<-END
		$(dnsmasq_directives)
	END
	[ -n "$enabled" ] || return 0
	[ "$mode" = copy ] || user=-
	if [ -n "$unique" ]; then
		UNUSABLE="${UNUSABLE}dnsmasq: tftp-unique-root gives each node a folder of its own, in which no node would find the images
"
	elif [ -n "$root" ]; then
		candidate dnsmasq "$mode" "$user" "$(state dnsmasq dnsmasq)" "$root"
		[ -z "$other" ] || [ "${other%%,*}" = "$root" ] ||
			problem "dnsmasq serves ${other%%,*} on ${other#*,}: nodes there do not find the images, which lie in $root"
	elif [ -n "$other" ]; then
		candidate dnsmasq "$mode" "$user" "$(state dnsmasq dnsmasq)" "${other%%,*}"
		problem "dnsmasq serves ${other%%,*} on ${other#*,} only: nodes elsewhere do not find the images"
	else
		UNUSABLE="${UNUSABLE}dnsmasq: enable-tftp without tftp-root serves the whole file system; say tftp-root=/srv/tftp
"
	fi
}

# first_folder OPTIONS: the first word that is an absolute path and no option's value.
first_folder() {
	set -f
	# shellcheck disable=SC2086 # words
	set -- $1
	set +f
	while [ $# -gt 0 ]; do
		case $1 in
		--logfile | --pidfile | --pcre | --map-file | -m | -P | -u | --user | --address | -a | -B | -b | -r | -R | -t | -T | --path) shift ;;
		/*)
			say "$1"
			return
			;;
		esac
		[ $# -eq 0 ] || shift
	done
}

# hpa FOLDERS OPTIONS STATE
hpa() {
	case " $2 " in
	*" --secure "* | *" -s "* | *" -"[clp4v6]*s" "*) candidate tftpd-hpa copy '' "$3" "${1%%[[:space:]]*}" ;;
	*)
		candidate tftpd-hpa link '' "$3" "${1%%[[:space:]]*}"
		problem "tftpd-hpa runs without --secure: it refuses the relative names that pxelinux asks for, unless they are mapped"
		;;
	esac
	case $1 in
	*[![:space:]]*[[:space:]]*[![:space:]]*) problem "tftpd-hpa serves several folders: $1; the images lie in the first" ;;
	esac
}

# The line of inetd.conf for the service tftp, from the program on.
inetd() {
	[ -r "$R/etc/inetd.conf" ] || return 0
	sed -n 's/^tftp[[:space:]].*\(in\.tftpd\|atftpd\)[[:space:]]*//p' "$R/etc/inetd.conf" | head -n 1
}

detect_hpa() {
	[ -x "$R/usr/sbin/in.tftpd" ] && [ ! -e "$R/usr/sbin/atftpd" ] || return 0
	folder=$(setting "$R/etc/default/tftpd-hpa" TFTP_DIRECTORY)
	options=$(setting "$R/etc/default/tftpd-hpa" TFTP_OPTIONS)
	if [ -n "$folder" ]; then
		hpa "$folder" "$options" "$(state tftpd-hpa in.tftpd)"
	else
		options=$(inetd)
		[ -z "$options" ] || hpa "$(first_folder "$options")" "$options" stopped
	fi
}

detect_atftpd() {
	[ -x "$R/usr/sbin/atftpd" ] || return 0
	options=$(setting "$R/etc/default/atftpd" OPTIONS)
	if [ "$(setting "$R/etc/default/atftpd" USE_INETD)" = true ]; then
		by_inetd=$(inetd)
		options=${by_inetd:-$options}
	fi
	folder=$(first_folder "$options")
	# Without a folder, atftpd serves the one that its manual page names.
	candidate atftpd link '' "$(state atftpd atftpd)" "${folder:-/srv/tftp}"
}

# detect: sets SERVERS and UNUSABLE.
detect() {
	SERVERS='' UNUSABLE=''
	detect_dnsmasq
	detect_hpa
	detect_atftpd
}

# choose: sets SERVER, MODE, OWNER, RUNNING, ROOT (as the server sees it), T (as we do) and WHY; 1 when there is none.
# The one that was used last stays while it is set up, running or not: a server that restarts must not make everything move.
choose() {
	detect
	SERVER='' MODE='' OWNER='-' RUNNING='' ROOT='' T='' WHY=''
	last='' last_root=''
	[ ! -r "$S/served" ] || read -r last _ _ last_root <"$S/served"
	wanted=$(setting "$R/etc/netboot-images.conf" TFTP_ROOT)
	case $wanted in
	'' | /*) ;;
	*)
		UNUSABLE="${UNUSABLE}TFTP_ROOT in /etc/netboot-images.conf must be an absolute path, and is: $wanted
"
		return 1
		;;
	esac
	best=0
	while read -r name mode user runs root; do
		[ -n "$name" ] || continue
		rank=1
		why="the only TFTP server that is set up"
		[ "$runs" != running ] || rank=2 why="it runs"
		[ "$name $root" != "$last $last_root" ] || rank=3 why="it was used before and is still set up"
		[ "$root" != "$wanted" ] || rank=4 why="TFTP_ROOT in /etc/netboot-images.conf is its root"
		[ "$rank" -gt "$best" ] || continue
		best=$rank SERVER=$name MODE=$mode OWNER=$user RUNNING=$runs ROOT=$root WHY=$why
	done <<-END
		$SERVERS
	END
	if [ -n "$wanted" ] && [ "$ROOT" != "$wanted" ]; then
		SERVER=configured MODE=copy OWNER=- RUNNING=unknown ROOT=$wanted WHY="TFTP_ROOT in /etc/netboot-images.conf"
	fi
	[ -n "$ROOT" ] || return 1
	case $(setting "$R/etc/netboot-images.conf" SERVE) in
	link) MODE=link ;;
	copy) MODE=copy ;;
	esac
	[ "$ROOT" != / ] || fail 6 "$SERVER serves the whole file system by TFTP" "give it a folder of its own, or set TFTP_ROOT in /etc/netboot-images.conf"
	T=$R$ROOT
}

no_server() {
	if [ -n "$UNUSABLE" ]; then
		say "no TFTP server that can be used: $(printf '%s' "$UNUSABLE" | paste -s -d ';' -)"
	else
		say "no TFTP server is set up"
	fi
}

no_server_hint() {
	if [ -n "$UNUSABLE" ]; then
		set -- "mend that"
	elif installed_dnsmasq; then
		set -- "say enable-tftp and tftp-root= in dnsmasq's configuration"
	else
		set -- "install tftpd-hpa or dnsmasq"
	fi
	say "$1, or set TFTP_ROOT= in /etc/netboot-images.conf; then: netboot-images update"
}

DROP=/etc/dnsmasq.d/netboot-images.conf

drop_text() {
	cat <<-END
		# TFTP for the images of netboot-images(8), written because no TFTP server was set up.
		# Once changed, this file is yours: it is never written or removed again.
		enable-tftp
		tftp-root=$1

		# BIOS machines (RFC 4578: architecture 0) are told to load pxelinux, whose menus netboot-images links to.
		# U-Boot finds the same menus without being told a file.
		dhcp-match=set:netboot-images-bios,option:client-arch,0
		dhcp-boot=tag:netboot-images-bios,pxelinux.0

		# What is left for you: the addresses that dnsmasq hands out, and where. In a file of your own:
		#   interface=eth1
		#   dhcp-range=192.0.2.100,192.0.2.200,255.255.255.0,12h
		# or, beside another DHCP server: dhcp-range=192.0.2.0,proxy
	END
}

digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

# offer_dnsmasq: where dnsmasq is installed and nobody serves TFTP, it is told to. 1 when that is not for us.
offer_dnsmasq() {
	installed_dnsmasq && [ -z "$UNUSABLE" ] || return 1
	if [ -e "$R$DROP" ] || [ -L "$R$DROP" ]; then
		return 1
	fi
	if [ -e "$S/dnsmasq" ]; then
		problem "$DROP was removed and is not written again; to have it back: rm $SHOWN/dnsmasq; netboot-images update"
		return 1
	fi
	[ -d "$R/etc/dnsmasq.d" ] || return 1
	root=/var/lib/tftpboot
	[ ! -d "$R/srv/tftp" ] || root=/srv/tftp
	fresh=$R/etc/dnsmasq.d/.netboot-images.dpkg-new
	drop_text "$root" >"$fresh" || broken "cannot write to /etc/dnsmasq.d"
	write "$S/dnsmasq" "$(digest "$fresh")"
	mv -f "$fresh" "$R$DROP" || broken "cannot write $DROP"
	detect
	if [ -z "$SERVERS" ]; then
		forget "$R$DROP"
		forget "$S/dnsmasq"
		problem "dnsmasq does not read /etc/dnsmasq.d; say enable-tftp and tftp-root= where it does, then: netboot-images update"
		return 1
	fi
	say "wrote $DROP: dnsmasq serves $root by TFTP; the addresses it hands out are yours to say, see there"
	place_folder "$R$root"
	renew_dnsmasq
}

# withdraw_dnsmasq: takes back what offer_dnsmasq wrote, unless it was changed.
withdraw_dnsmasq() {
	[ -r "$S/dnsmasq" ] || return 0
	if [ -f "$R$DROP" ]; then
		if [ "$(digest "$R$DROP")" = "$(cat "$S/dnsmasq")" ]; then
			forget "$R$DROP"
			renew_dnsmasq
		else
			warn "$DROP was changed, and is left as it is"
		fi
	fi
	forget "$S/dnsmasq"
	for root in /var/lib/tftpboot /srv/tftp; do displace "$R$root"; done
}

# Only a dnsmasq that runs reads its configuration again; one that somebody stopped stays stopped.
renew_dnsmasq() {
	running dnsmasq dnsmasq || return 0
	if [ -d "$R/run/systemd/system" ]; then
		deb-systemd-invoke try-restart dnsmasq.service 9>&- || warn "dnsmasq did not restart; see: systemctl status dnsmasq"
	else
		invoke-rc.d dnsmasq restart 9>&- || warn "dnsmasq did not restart"
	fi
}
