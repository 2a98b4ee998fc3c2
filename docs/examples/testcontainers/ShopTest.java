// An app that sends to Segment, tested against an emulator in a container (Testcontainers 2.0, JUnit 5).
//
// docker build -t segment-emulator -f docs/examples/Containerfile .     in a checkout of the emulator
// Gradle: testImplementation("org.testcontainers:testcontainers-junit-jupiter:2.0.3")

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;
import org.testcontainers.utility.DockerImageName;

@Testcontainers
class ShopTest {
    private static final String IMAGE = "segment-emulator";
    private static final int PORT = 8282;

    @Container
    private static final GenericContainer<?> EMULATOR =
        new GenericContainer<>(DockerImageName.parse(IMAGE))
            .withExposedPorts(PORT)
            .waitingFor(Wait.forHttp("/emulator/v1/health").forPort(PORT).forStatusCode(200));

    private final HttpClient http = HttpClient.newHttpClient();

    private HttpResponse<String> post(String path, String json) throws Exception {
        String address = "http://" + EMULATOR.getHost() + ":" + EMULATOR.getMappedPort(PORT) + path;
        String key = Base64.getEncoder().encodeToString("wk_demo:".getBytes());
        HttpRequest request = HttpRequest.newBuilder(URI.create(address))
            .header("Content-Type", "application/json")
            .header("Authorization", "Basic " + key)
            .POST(HttpRequest.BodyPublishers.ofString(json))
            .build();
        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void anOrderIsAPurchase() throws Exception {
        // In place of your app: Analytics.builder("wk_demo").endpoint("http://…")
        String order = """
            {"userId": "ada", "event": "Order Completed", "properties": {"order_id": "o-17",
             "currency": "EUR", "products": [{"product_id": "mug", "name": "Mug", "price": 8.5, "quantity": 1}]}}
            """;
        assertEquals(200, post("/v1/track", order).statusCode());

        String claim = """
            {"of": "deliveries", "where": {"event": "Order Completed"}, "exactly": 1, "timeout": "5 s"}
            """;
        String answer = post("/emulator/v1/wait-for", claim).body();
        assertTrue(answer.contains("\"ok\":true"), answer);
    }
}
