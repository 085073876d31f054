// Buys AAPL once when its price rises through its moving average. May be killed and started again at any time.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type object map[string]any

const name, steps, quantity = "go-strategy", 200, 10

var notNow = []any{"not_ready", "busy", "timeout", "pacing_limited", "outcome_unknown"}

func ask(nc *nats.Conn, verb string, body object) (data, refusal object) {
	payload, _ := json.Marshal(body)
	for ; ; time.Sleep(time.Second) { // Nobody answers while the bridge or NATS is being restarted.
		var reply struct{ Data, Error object }
		message, err := nc.Request("ib.req."+verb+"."+name, payload, 5*time.Second)
		if err == nil && json.Unmarshal(message.Data, &reply) == nil && !slices.Contains(notNow, reply.Error["code"]) {
			return reply.Data, reply.Error
		}
	}
}

func keepLease(nc *nats.Conn) {
	for ; ; time.Sleep(time.Second) {
		lease, refusal := ask(nc, "md.subscribe", object{"contract": "STK:AAPL", "streams": []string{"quote"}, "ttl_s": 15})
		log.Println("leased AAPL", cmp.Or(lease["lease"], refusal["message"]))
		for ; refusal == nil; _, refusal = ask(nc, "md.renew", object{"lease": lease["lease"]}) {
			time.Sleep(5 * time.Second) // Until a bridge that was restarted does not know the lease.
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	nc := must(nats.Connect(os.Getenv("NATS_URL"), nats.Name(name), nats.MaxReconnects(-1)))
	quotes := must(nc.SubscribeSync("ib.quote.STK.AAPL.SMART.USD"))
	go keepLease(nc)
	average, seen, isAbove, rises := 0.0, 0.0, true, false
	for !rises {
		var quote object
		must(0, json.Unmarshal(must(quotes.NextMsg(24*time.Hour)).Data, &quote))
		bid, hasBid := quote["bid"].(float64)
		offer, hasOffer := quote["ask"].(float64)
		if price := (bid + offer) / 2; hasBid && hasOffer && quote["stale"] == false {
			seen++
			average += (price - average) / min(seen, steps)
			rises, isAbove = price > average && !isAbove && seen > steps, price > average
		}
	}
	// One key a day: whoever asks for this order again today learns what became of the first one, and buys nothing more.
	key := name + time.Now().Format("-2006-01-02")
	order := object{"key": key, "contract": "STK:AAPL", "side": "buy", "quantity": quantity, "order_type": "market"}
	placed, refusal := ask(nc, "order.place", order)
	log.Println("order", key, cmp.Or(placed["state"], refusal["message"]))
	config := jetstream.OrderedConsumerConfig{FilterSubjects: []string{"ib.fill.*." + key}}
	consumer := must(must(jetstream.New(nc)).OrderedConsumer(context.Background(), "IB_ORDERS", config))
	fills := must(consumer.Messages())
	for bought := 0.0; bought < quantity && refusal == nil; {
		var fill object
		must(0, json.Unmarshal(must(fills.Next()).Data(), &fill))
		log.Println("fill of", fill["quantity"], "at", fill["price"])
		bought = must(strconv.ParseFloat(fill["cumulative_quantity"].(string), 64))
	}
}
