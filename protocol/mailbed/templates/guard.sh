# Runs the daemons as its children and ends them, by pid, when its standard input closes: on drop, and
# also when the test process is killed and cannot say goodbye. As their parent it holds their pids, so
# no other process can have got one meanwhile.
dir=$1
milter=
if [ -e "$dir/opendkim.conf" ]; then
    setpriv --reuid={{user}} --regid={{group}} --clear-groups /usr/sbin/opendkim -f -x "$dir/opendkim.conf" < /dev/null &
    milter=$!
fi
setpriv --reuid={{user}} --regid={{group}} --clear-groups /usr/sbin/dovecot -F -c "$dir/dovecot.conf" < /dev/null &
dovecot=$!
MAIL_CONFIG=$dir/postfix {{postfix_daemons}}/master -c "$dir/postfix" < /dev/null &
postfix=$!
read -r _
kill -TERM "$dovecot" "$postfix"
# OpenDKIM has nothing to save, and takes ten seconds over TERM.
[ -z "$milter" ] || kill -KILL "$milter"
# Whoever has not ended after 10 seconds is killed.
(
    sleep 10 &
    trap 'kill $!' TERM
    wait $! && kill -KILL "$dovecot" "$postfix"
) &
patience=$!
wait "$dovecot" "$postfix" $milter
kill "$patience"
wait "$patience"
rm -rf "$dir"
