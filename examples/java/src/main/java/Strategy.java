import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.api.OrderedConsumerConfiguration;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;

/** Buys AAPL once when its price rises through its moving average. May be killed and started again at any time. */
public final class Strategy {
    static final String NAME = "java-strategy";
    static final int STEPS = 200, QUANTITY = 10;
    static final List<String> NOT_NOW = List.of("not_ready", "busy", "timeout", "pacing_limited", "outcome_unknown");
    static final ObjectMapper JSON = new ObjectMapper();

    static JsonNode ask(Connection nc, String verb, Map<String, ?> body) throws Exception {
        for (;; Thread.sleep(1_000)) { // Nobody answers while the bridge or NATS is being restarted.
            var answer = nc.request("ib.req." + verb + "." + NAME, JSON.writeValueAsBytes(body), Duration.ofSeconds(5));
            if (answer == null || answer.isStatusMessage()) continue;
            var reply = JSON.readTree(answer.getData());
            if (!NOT_NOW.contains(reply.at("/error/code").asText())) return reply;
        }
    }

    static Void keepLease(Connection nc) throws Exception {
        for (;; Thread.sleep(1_000)) {
            var wanted = Map.of("contract", "STK:AAPL", "streams", List.of("quote"), "ttl_s", 15);
            var reply = ask(nc, "md.subscribe", wanted);
            System.out.println("leased AAPL " + reply.at("/error/message").asText());
            var lease = Map.of("lease", reply.at("/data/lease").asText());
            for (; reply.path("ok").asBoolean(); reply = ask(nc, "md.renew", lease)) {
                Thread.sleep(5_000); // Until a bridge that was restarted does not know the lease.
            }
        }
    }

    static void awaitRise(Subscription quotes) throws Exception {
        double average = 0, seen = 0;
        for (boolean wasAbove = true; ; ) {
            var quote = JSON.readTree(quotes.nextMessage(Duration.ZERO).getData());
            if (quote.path("stale").asBoolean() || !quote.has("bid") || !quote.has("ask")) continue;
            var price = (quote.path("bid").asDouble() + quote.path("ask").asDouble()) / 2;
            average += (price - average) / Math.min(++seen, STEPS);
            if (price > average && !wasAbove && seen > STEPS) return;
            wasAbove = price > average;
        }
    }

    public static void main(String[] arguments) throws Exception {
        var url = System.getenv().getOrDefault("NATS_URL", Options.DEFAULT_URL);
        var nc = Nats.connect(Options.builder().server(url).connectionName(NAME).maxReconnects(-1).build());
        var quotes = nc.subscribe("ib.quote.STK.AAPL.SMART.USD");
        ForkJoinPool.commonPool().submit(() -> keepLease(nc));
        awaitRise(quotes);
        // One key a day: whoever asks for this order again today learns what became of the first one, and buys nothing more.
        var key = NAME + "-" + LocalDate.now();
        var order = Map.of("key", key, "contract", "STK:AAPL", "side", "buy", "quantity", QUANTITY, "order_type", "market");
        var placed = ask(nc, "order.place", order);
        System.out.println("order " + placed.at("/data/state").asText() + placed.at("/error/message").asText());
        var only = new OrderedConsumerConfiguration().filterSubject("ib.fill.*." + key);
        try (nc; var fills = nc.getStreamContext("IB_ORDERS").createOrderedConsumer(only).iterate()) {
            for (double bought = 0; placed.path("ok").asBoolean() && bought < QUANTITY; ) {
                var message = fills.nextMessage(Duration.ofSeconds(1));
                if (message == null) continue;
                var fill = JSON.readTree(message.getData());
                System.out.println("fill of " + fill.path("quantity").asText() + " at " + fill.path("price").asText());
                bought = fill.path("cumulative_quantity").asDouble();
            }
        }
    }
}
