using System.Text;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Fuzz;

/// <summary>Requests that are right, of every route; somebody else spoils them.</summary>
sealed class Requests(FuzzTarget target)
{
    static readonly string[] Accepts = ["application/json", "text/csv", "application/x-ndjson", "application/vnd.halo.rows+json", "application/vnd.halo.table+json", "*/*"];

    string Queries => $"/integrator/sites/{target.Site}/queries";

    public FuzzRequest Make(Random random) => random.Next(100) switch
    {
        < 24 => Query(random, random.Chance(90) ? "/immediate" : "", Immediate(random)),
        < 28 => Query(random, random.Chance(50) ? "/async" : "", Command(random)),
        < 32 => Query(random, random.Pick("/immediate", "/async"), Batch(random)),
        < 34 => Query(random, "/describe", Command(random)),
        < 38 => Beside(random),
        < 43 => Reader("POST", "/status", $$"""{"queryIds":[{{string.Join(',', target.Queries.Select(q => $"\"{q}\""))}}]}"""),
        < 48 => Reader("GET", $"/{random.Pick<Guid>([.. target.Queries])}{random.Pick("", "?wait=0", "?wait=100", "?wait=60000")}"),
        < 52 => Reader("GET", random.Pick("", "?limit=3", "?status=successful&limit=1", "?tag=fuzz", "?from=2026-03-05T00:00:00Z", $"?after={target.Queries[0]}")),
        < 55 => Reader("DELETE", $"/{random.Pick<Guid>([.. target.Queries])}"),
        < 66 => Results(random),
        < 72 => Sites(random),
        < 86 => Admin(random),
        < 97 => Link(random),
        _ => new("GET", random.Pick("/health/live", "/health/ready", "/openapi/v1.json", "/docs", "/docs/index.html", "/", "/favicon.ico"), Common(), null),
    };

    /// <summary>An enrolment that is right; its proof is made when its body is known.</summary>
    public string Enrolment => target.Link.Enrolment;

    List<(string, string)> Common(params (string, string)[] more) => [("Host", target.Host), .. more];

    FuzzRequest Query(Random random, string path, string body)
    {
        var headers = Common(("Ocp-Apim-Subscription-Key", target.Key), ("Content-Type", "application/json"));
        if (random.Chance(25))
            headers.Add(("Accept", random.Pick<string>(Accepts)));
        if (random.Chance(10))
            headers.Add(("Halo-Tag", "fuzz"));
        if (random.Chance(10))
            headers.Add(("Halo-Integers", "string"));
        if (random.Chance(10))
            headers.Add(("Idempotency-Key", $"key {random.Next(200)}"));
        return new("POST", Queries + path + (random.Chance(10) ? "?resultSet=2" : ""), headers, Encoding.UTF8.GetBytes(body));
    }

    FuzzRequest Reader(string method, string path, string? body = null)
    {
        var headers = Common(("Ocp-Apim-Subscription-Key", target.Key));
        if (body is not null)
            headers.Add(("Content-Type", "application/json"));
        return new(method, Queries + path, headers, body is null ? null : Encoding.UTF8.GetBytes(body));
    }

    FuzzRequest Results(Random random)
    {
        var path = $"{Queries}/{random.Pick<Guid>([.. target.Queries])}/results{random.Pick("", "/1", "/2", "/99", "/1/stream", "/2/stream")}";
        var headers = Common(("Ocp-Apim-Subscription-Key", target.Key), ("Accept-Encoding", random.Pick("br", "gzip", "gzip, br;q=0.5", "identity", "*;q=0")));
        if (random.Chance(40))
            headers.Add(("Range", random.Pick("bytes=0-99", "bytes=-5", "bytes=0-0,5-9", "bytes=99999999-", "bytes=10-5", "rows=1-2")));
        if (random.Chance(20))
            headers.Add((random.Pick("If-None-Match", "If-Match", "If-Range"), random.Pick("\"x\"", "*", "W/\"x\", \"y\"")));
        if (random.Chance(20))
            headers.Add((random.Pick("If-Modified-Since", "If-Unmodified-Since"), "Sat, 29 Oct 1994 19:43:31 GMT"));
        if (random.Chance(50))
            headers.Add(("Accept", random.Pick<string>(Accepts)));
        return new("GET", path, headers, null);
    }

    FuzzRequest Sites(Random random)
    {
        var (method, path) = random.Pick(
            ("GET", "/integrator/sites?practiceManagementSiteId=1&practiceManagementName=Zedmed"),
            ("GET", $"/integrator/sites/{target.Site}"),
            ("GET", "/integrator/limits"),
            ("POST", "/integrator/pair-site?practiceManagementSiteId=1&practiceManagementName=Zedmed&pairingCode=ABCD-EFGH"),
            ("POST", "/integrator/pairSite?practiceManagementSiteId=2&practiceManagementName=Zedmed&pairingCode=X"));
        return new(method, path, Common(("Ocp-Apim-Subscription-Key", target.Key), ("Halo-Version", random.Pick("22.1219", "26.1.1"))), null);
    }

    /// <summary>What stands beside the queries of a site.</summary>
    FuzzRequest Beside(Random random)
    {
        var one = random.Pick<Guid>([.. target.Queries]);
        var (method, path, body) = random.Pick<(string, string, string?)>(
            ("POST", "/integrator/queries", $$"""{"filter":{"availability":"online","practiceManagementName":"Zedmed"},"atOnce":3,"maxTimeInQueue":1000,{{Command(random)[1..]}}"""),
            ("POST", "/integrator/queries", $$"""{"sites":["{{target.Site}}"],"retentionHours":1,{{Batch(random)[1..]}}"""),
            ("GET", random.Pick("/integrator/queries", "/integrator/queries?limit=2"), null),
            (random.Pick("GET", "DELETE"), $"/integrator/queries/{one}{random.Pick("", "?wait=5")}", null),
            ("GET", $"/integrator/queries/{one}{random.Pick("/sites?status=failed&limit=3", "/results?siteColumn=clinic")}", null),
            ("GET", $"/integrator/sites/{target.Site}/schema{random.Pick("", "?refresh=true", "?catalogue=main", "?refresh=false&catalogue=x")}", null),
            ("GET", "/integrator/sites?availability=online&status=active&changedSince=2026-03-05T00:00:00Z&limit=2", null),
            ("DELETE", $"{Queries}?idempotencyKey=key%20{random.Next(200)}", null),
            ("DELETE", $"{Queries}/{target.Queries[^1]}/results", null),
            ("POST", $"{Queries}/registered", """{"name":"Fuzz","registeredQueryType":"query","frequency":60,"duration":1,"registerCommand":{"command":{"text":"SELECT 1 AS a"}},"changes":{"key":["a"]},"deliverFirst":true}"""),
            ("GET", $"{Queries}/registered{random.Pick("", $"/{one}", $"/{one}/results", $"/{one}/changes?after=1")}", null),
            (random.Pick("POST", "DELETE"), $"{Queries}/registered/{one}{random.Pick("", "/renew")}", null),
            // The address is one that no webhook may call.
            ("POST", "/integrator/webhooks", """{"url":"https://127.0.0.1/{siteId}/{source}","events":["query.completed","survey.finished"],"sources":["async"],"style":"standard","enabled":false}"""),
            ("GET", random.Pick("/integrator/webhooks", "/integrator/webhooks/deliveries?limit=2", $"/integrator/webhooks/{one}"), null),
            // Not the stream of events: in order it has no end.
            (random.Pick("PUT", "DELETE"), $"/integrator/webhooks/{one}", """{"url":"https://127.0.0.1/","events":["query.failed"]}"""));
        var headers = Common(("Ocp-Apim-Subscription-Key", target.Key));
        if (body is not null)
            headers.Add(("Content-Type", "application/json"));
        if (random.Chance(20))
            headers.Add(("Idempotency-Key", $"key {random.Next(200)}"));
        return new(method, path, headers, body is null ? null : Encoding.UTF8.GetBytes(body));
    }

    FuzzRequest Admin(Random random)
    {
        var (integrator, site) = (target.SpareIntegrator, target.SpareSite);
        var (method, path, body) = random.Pick<(string, string, string?)>(
            ("POST", "integrators", """{"name":"Fuzz"}"""),
            ("GET", "integrators?limit=2", null),
            ("GET", $"integrators/{integrator}", null),
            ("PATCH", $"integrators/{integrator}", """{"name":"Fuzz","allowedAddresses":["10.0.0.0/8","::1"],"rateLimit":5,"quota":100,"enabled":true,"pairWithoutCode":["Zedmed"]}"""),
            ("DELETE", $"integrators/{Guid.Empty}", null),
            ("POST", $"integrators/{integrator}/keys/primary/rotate", null),
            ("PUT", $"integrators/{integrator}/pairings/{site}", null),
            ("DELETE", $"integrators/{integrator}/pairings/{site}", null),
            ("GET", "sites?practiceManagementSiteId=1&availability=online&limit=5", null),
            ("GET", $"sites/{site}", null),
            ("DELETE", $"sites/{Guid.Empty}", null),
            ("PUT", $"sites/{site}/authority", """{"copyPairings":true}"""),
            ("PUT", $"sites/{site}/confirm", null),
            ("POST", "enrolment-tokens", """{"expiresInMinutes":5,"uses":1,"practiceManagementName":"Zedmed","practiceManagementSiteId":"7"}"""),
            ("GET", "links?limit=1", null),
            ("POST", $"links/{Guid.Empty}/approve", null),
            ("POST", $"links/{Guid.Empty}/revoke", null),
            ("GET", $"queries?siteId={site}&status=successful&from=2026-03-05T00:00:00Z&to=2026-03-06T00:00:00Z", null),
            ("GET", "audit?from=2026-03-05T00:00:00Z", null),
            ("GET", "usage?from=2026-03-05T00:00:00Z&to=2026-03-06T00:00:00Z", null));
        var headers = Common(("Halo-Admin-Key", ApiProgram.AdminKey));
        if (body is not null)
            headers.Add(("Content-Type", "application/json"));
        return new(method, "/admin/v1/" + path, headers, body is null ? null : Encoding.UTF8.GetBytes(body));
    }

    FuzzRequest Link(Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                return new("POST", "/link/v1/nonce", Common(), []);
            case 1:
                return new("POST", "/link/v1/enrol", Common(("Halo-Nonce", new string('A', 43)), ("Halo-Proof", new string('A', 86)), ("Content-Type", "application/json")),
                    Encoding.UTF8.GetBytes(Enrolment));
            case 2:
                var multipart = random.Chance(20);
                var assertion = target.Link.Signed("""{"alg":"ES256"}""", Mutations.Json(random, $$"""{"iss":"{{target.Link.Id}}","sub":"{{target.Link.Id}}","aud":"x","nonce":"y","exp":1}"""));
                return new("POST", "/link/v1/token", Common(("Content-Type", multipart ? "multipart/form-data; boundary=b" : "application/x-www-form-urlencoded")),
                    Encoding.UTF8.GetBytes(multipart
                        ? $"--b\r\nContent-Disposition: form-data; name=\"assertion\"\r\n\r\n{assertion}\r\n--b--\r\n"
                        : $"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"));
            case 3:
                return new("GET", "/link/v1/socket", Common(("Authorization", "Bearer " + random.Pick("x", "a.b.c", target.Link.Token)),
                    ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Protocol", "halo-link.v1")), null);
            default:
                return new("PUT", $"/link/v1/queries/{target.Queries[0]}/pages/{random.Pick(1, 2, 99)}", Common(("Authorization", "Bearer " + target.Link.Token),
                    ("Halo-Claim-Id", Guid.Empty.ToString()), ("Content-Encoding", "br"), ("Content-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
                    ("Rows-Range-Start", "0"), ("Rows-Count", "1"), ("Size", "10")), [1, 2, 3, 4]);
        }
    }

    string Immediate(Random random) => random.Chance(8)
        ? $$"""{"mode":"immediate","sqlQuery":"SELECT 1"}"""
        : Command(random).Insert(1, random.Chance(50) ? "\"mode\":\"immediate\"," : "\"maxTimeInQueue\":60000,");

    static string Batch(Random random) => random.Pick(
        """{"commands":[{"text":"INSERT INTO fuzz VALUES (@n)","executionMode":"nonQuery","parameters":[{"name":"n","type":"Int","value":1}]},{"text":"SELECT 1 AS a"},{"text":"SELECT COUNT(*) FROM fuzz","executionMode":"scalar"}],"isolation":"serializable"}""",
        """{"command":{"text":"INSERT INTO fuzz VALUES (@n)","executionMode":"nonQuery","parameterSets":[[{"name":"n","type":"Int","value":1}],[{"name":"n","type":"Int","value":null}]]}}""",
        """{"isolation":"readCommitted","commands":[{"text":"COMMIT","executionMode":"nonQuery"},{"text":"SELECT 2 AS b; SELECT 3","timeout":500}]}""");

    string Command(Random random) => $$"""{"command":{{random.Pick(
        """{"text":"SELECT @a AS a, @b AS b","parameters":[{"name":"@a","type":"Int","value":"66"},{"name":"b","type":"NVarChar","value":"é漢","size":20}],"timeout":1500}""",
        """{"text":"SELECT @a AS a","executionMode":"scalar","parameters":[{"name":"@a","direction":"input","type":"Decimal","value":"1.50","precision":10,"scale":2}]}""",
        """{"text":"INSERT INTO fuzz VALUES (@n)","executionMode":"nonQuery","parameters":[{"name":"n","type":"Int","value":1}]}""",
        """{"text":"SELECT 1 AS a; SELECT 2 AS b UNION ALL SELECT 3"}""",
        """{"text":"nowhere","type":"storedProcedure","executionMode":"nonQuery","parameters":[{"name":"@o","direction":"output","type":"NVarChar","size":40},{"name":"@r","direction":"returnValue","type":"Int"}]}""",
        """{"text":"SELECT CAST(@d AS text) AS d","parameters":[{"name":"@d","type":"DateTimeOffset","value":"2026-03-05T14:30:00+11:00"},{"name":"@v","type":"VarBinary","value":"3q2+7wA="}]}""",
        $$"""{"text":{{System.Text.Json.JsonSerializer.Serialize(Sql.Generated(target.Engine, 200))}},"executionMode":"reader","type":"text","timeout":2000}""")}}}""";
}
