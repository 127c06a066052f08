using System.Text;

namespace Halo.SystemTests.Fuzz;

/// <summary>The shots of a run: shot number <c>i</c> of a seed is always the same, but for ids that the services made and nonces.</summary>
sealed class Spoiling(FuzzTarget target, int seed)
{
    static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "P\u00d6ST", ""];
    static readonly string[] HeaderNames =
    [
        "Ocp-Apim-Subscription-Key", "Halo-Tag", "Halo-Integers", "Halo-Version", "Idempotency-Key", "Accept", "Accept-Encoding", "Range", "If-None-Match", "If-Range", "Content-Type", "Content-Encoding",
        "Host", "Authorization", "Halo-Nonce", "Halo-Proof", "Halo-Claim-Id", "Content-Digest", "Rows-Count", "Rows-Range-Start", "Size", "X-Forwarded-For", "X-Forwarded-Proto", "traceparent", "Connection", "Expect", "TE",
        "Upgrade", "Cookie", "Origin", "Transfer-Encoding",
    ];

    readonly Requests _requests = new(target);

    public async Task<FuzzShot> MakeAsync(int number)
    {
        var random = new Random(unchecked(seed * 1_000_003 + number));
        if (random.Chance(1))
            return await EnrolAsync(random);
        var request = _requests.Make(random);
        for (var times = random.Next(0, 3); times > 0; times--)
            request = Spoil(random, request);
        var head = request.Method == "HEAD";
        switch (random.Next(100))
        {
            case < 6:
                return new(Mutations.Bytes(random, request.ToBytes()), head, Malformed: true, Abandoned: false);
            case < 10:
                return new(request.ToBytes(Framing(random, request.Body?.Length ?? 0)), head, Malformed: true, Abandoned: false);
            case < 12:
                return new(request.ToBytes(), head, Malformed: false, Abandoned: true);
            default:
                return new(request.ToBytes(), head, !IsHttp(request), Abandoned: false);
        }
    }

    /// <summary>The proof fits: what is wrong is in the body alone, so that all of the enrolment sees it.</summary>
    async Task<FuzzShot> EnrolAsync(Random random)
    {
        var body = Encoding.UTF8.GetBytes(Mutations.Json(random, _requests.Enrolment));
        var nonce = await target.Link.NonceAsync();
        FuzzRequest request = new("POST", "/link/v1/enrol",
            [("Host", target.Host), ("Halo-Nonce", nonce), ("Halo-Proof", target.Link.Prove(nonce, body)), ("Content-Type", "application/json")], body);
        return new(request.ToBytes(), Head: false, Malformed: false, Abandoned: false);
    }

    static FuzzRequest Spoil(Random random, FuzzRequest request)
    {
        switch (random.Next(request.Body is { Length: > 0 } ? 14 : 6))
        {
            case 0:
                return request with { Method = random.Pick<string>(Methods) };
            case 1:
                return request with { Path = SpoilPath(random, request.Path) };
            case 2:
                var separator = request.Path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
                return request with
                {
                    Path = $"{request.Path}{separator}{random.Pick("limit", "after", "from", "to", "status", "tag", "wait", "resultSet", "siteId", "integratorId", "availability", "practiceManagementSiteId", "x")}={Encode(random, Mutations.Text(random))}",
                };
            case 3:
                return request with { Headers = [.. request.Headers, (random.Pick<string>(HeaderNames), Printable(random, Mutations.Text(random)))] };
            case 4:
            case 5:
                var headers = request.Headers.ToList();
                // The first is Host; the admin key stays right most often, since ten wrong ones close that door.
                var at = random.Next(headers.Count);
                if (headers.Count == 0 || headers[at].Name == "Halo-Admin-Key" && !random.Chance(1))
                    return request;
                if (random.Chance(30))
                    headers.RemoveAt(at);
                else
                    headers[at] = (headers[at].Name, Printable(random, random.Chance(50) ? Mutations.Text(random) : Encoding.Latin1.GetString(Mutations.Bytes(random, Encoding.Latin1.GetBytes(headers[at].Value)))));
                return request with { Headers = headers };
            case < 12 when request.Body![0] == (byte)'{':
                try
                {
                    return request with { Body = Encoding.UTF8.GetBytes(Mutations.Json(random, Encoding.UTF8.GetString(request.Body))) };
                }
                catch (Exception e) when (e is System.Text.Json.JsonException or ArgumentException or InvalidOperationException)
                {
                    // Spoilt already: no JSON any more, with a name twice, or with half a character.
                    return request;
                }
            default:
                return request with { Body = Mutations.Bytes(random, request.Body!) };
        }
    }

    static string SpoilPath(Random random, string path)
    {
        var parts = path.Split('/', '=').ToList();
        if (parts.Count < 2)
            return path;
        var at = random.Next(1, parts.Count);
        var rest = path.IndexOf(parts[at], StringComparison.Ordinal);
        return random.Next(4) switch
        {
            0 => path.Remove(rest, parts[at].Length),
            1 => path.Insert(rest, random.Pick("/", "//", "../", "./", "%2F", "%00", "%", "%zz", ";", "?", "#", "\\")),
            2 => Encoding.Latin1.GetString(Mutations.Bytes(random, Encoding.Latin1.GetBytes(path))),
            _ => path.Remove(rest, parts[at].Length).Insert(rest, Encode(random, Mutations.Text(random))),
        };
    }

    static string Encode(Random random, string text) => random.Chance(90) ? Uri.EscapeDataString(text.Length > 300 ? text[..300] : text) : text;

    /// <summary>Most often what a header may hold, sometimes not.</summary>
    static string Printable(Random random, string text) => random.Chance(10) ? text : string.Concat(text.Where(c => c is >= ' ' and < (char)127)).Trim();

    static string Framing(Random random, int length) => random.Next(9) switch
    {
        0 => $"Content-Length: {length + random.Next(1, 100)}\r\n",
        1 => $"Content-Length: {Math.Max(0, length - random.Next(1, 20))}\r\n",
        2 => $"Content-Length: {length}\r\nContent-Length: {length + 1}\r\n",
        3 => $"Content-Length: {random.Pick("-1", "x", "99999999999999999999", "2147483648", "", "1e3", "+5", "0x10")}\r\n",
        4 => $"Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n",
        5 => "Transfer-Encoding: chunked\r\n",
        6 => $"Transfer-Encoding: {random.Pick("gzip", "identity", "chunked, gzip", "x")}\r\n",
        7 => $"Expect: {random.Pick("100-continue", "200-ok")}\r\nContent-Length: {length + 10}\r\n",
        _ => "",
    };

    /// <summary>Whether the request keeps HTTP's rules, so that it must be answered as the contract has it.</summary>
    bool IsHttp(FuzzRequest request) =>
        request.Method.Length > 0 && request.Method.All(char.IsAsciiLetter) && request.Method != "CONNECT"
        && request.Path.StartsWith('/') && request.Path.All(c => c is > ' ' and < (char)127 and not '#') && request.Path.Length < 4000
        && Uri.UnescapeDataString(request.Path) is { } plain && !plain.Contains('\0', StringComparison.Ordinal)
        && request.Headers.Count(h => h.Name == "Host") == 1 && request.Headers.Contains(("Host", target.Host))
        && request.Headers.All(h => h.Name is not ("Transfer-Encoding" or "Expect" or "Connection" or "Upgrade") && h.Value.All(c => c is >= ' ' and < (char)127))
        && request.Headers.Sum(h => h.Value.Length) < 16_000
        && (request.Body is null || request.Method is not ("GET" or "HEAD" or "TRACE"));
}
