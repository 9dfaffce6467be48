# Runs the name server as its child and ends it when its standard input closes, as guard.sh does.
dir=$1
/usr/sbin/dnsmasq --keep-in-foreground --conf-file="$dir/dnsmasq.conf" < /dev/null &
dnsmasq=$!
read -r _
# It has nothing to save.
kill -KILL "$dnsmasq"
wait "$dnsmasq"
