#!/bin/sh
# Tells how far an order is: for the shop's own system to call, whenever something happens there.
#
#   ./tell.sh TRADE STATE [PLANNED]     ./tell.sh T-1001 shipped
#                                       ./tell.sh T-1001 preparing 2026-11-22T12:00:00Z
#
# Safe to call again: the key is made of trade and state, so the second time nothing is mailed.
# Ends with status 0 when the event is on disk; whether `tradepost-server run` runs, or is restarted
# meanwhile, does not matter. With any other status, standard error says why: call it again.
set -eu

usage() {
    echo "usage: $0 TRADE STATE [PLANNED]" >&2
    exit 2
}

# Nothing else may come into the JSON below.
plain() {
    case $1 in
        '' | *[!A-Za-z0-9._:+-]*) usage ;;
    esac
}

[ $# -eq 2 ] || [ $# -eq 3 ] || usage
trade=$1 state=$2 planned=
plain "$trade"
plain "$state"
if [ $# -eq 3 ]; then
    plain "$3"
    planned=",\"planned\":\"$3\""
fi

here=$(cd "$(dirname "$0")" && pwd)
echo "{\"key\":\"$trade/$state\",\"trade\":\"$trade\",\"track\":\"order\",\"state\":\"$state\"$planned}" |
    tradepost-server --config "$here/shop.toml" --data "$here/data" emit
