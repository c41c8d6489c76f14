#!/usr/bin/env bash
# Asks Talaria for one message and waits for its fate: kcat, nothing else.
#
#   KAFKA_BROKERS=localhost:9092 WABA_ID=1000 PHONE_NUMBER_ID=2000 TO=+15550001111 ./publish-command.sh
set -euo pipefail

brokers=${KAFKA_BROKERS:-localhost:9092}
outbound=${KAFKA_PREFIX:-}whatsapp.outbound
dispatches=${KAFKA_PREFIX:-}whatsapp.dispatches
# The idempotency key. One from your own data, like "order-4711-shipped", stays the same when you publish again.
id=kcat-$(date +%s)-$$-$RANDOM
command='{"id":"'$id'","wabaId":"'$WABA_ID'","phoneNumberId":"'$PHONE_NUMBER_ID'","to":"'$TO'","message":{"type":"text","text":{"body":"Hello from kcat"}}}'

# What comes from a minute ago on is read: clocks differ, and the id tells our command from all others.
since=$(($(date +%s%3N) - 60000))

# librdkafka's own default partitioner is another than that of Kafka's Java client.
printf '%s|%s\n' "$WABA_ID" "$command" |
  kcat -P -b "$brokers" -t "$outbound" -K '|' -X acks=all -X partitioner=murmur2_random

# The event that ends the command; "retrying" and "unknown" come before it.
while IFS= read -r event; do
  case $event in
    *"ce_id=$WABA_ID/$id/"*) ;;
    *) continue ;;
  esac
  case $event in
    *ce_type=whatsapp.dispatch.accepted.v1*) fate=accepted detail=wamid ;;
    *ce_type=whatsapp.dispatch.dead-lettered.v1*) fate=dead-lettered detail=cause ;;
    *) continue ;;
  esac
  echo "$id" "$fate" "$(sed -E 's/.*"'$detail'":"([^"]*)".*/\1/' <<<"$event")"
  break
done < <(exec timeout 60 kcat -C -q -u -b "$brokers" -t "$dispatches" -o "s@$since" -f '%h %s\n')
reader=$!
kill "$reader" 2>/dev/null || true

if [ -z "${fate:-}" ]; then
  echo "$id: no fate yet; it may still be sent" >&2
  exit 1
fi
