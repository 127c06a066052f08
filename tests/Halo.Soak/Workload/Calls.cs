using System.Net;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Soak.World;

namespace Halo.Soak.Workload;

/// <summary>Calls the API as integrators do, and writes down what it answers.</summary>
static class Calls
{
    static readonly JsonSerializerOptions Given = new() { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Sends it once.</summary>
    /// <returns>Whether it was answered at all.</returns>
    public static async Task<bool> AskAsync(Asked asked, string sql, int maxTimeInQueue, string? accept, CancellationToken leave)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Path(asked)}/{(asked.IsAsync ? "async" : "immediate")}")
        {
            Content = new StringContent(JsonSerializer.Serialize(new
            {
                maxTimeInQueue,
                // A nonQuery's rows are read by nobody, so that none could be too many.
                command = asked.IsBatch ? null : new { text = sql, executionMode = asked.Writes && !sql.Contains(" OUTPUT ", StringComparison.Ordinal) ? "nonQuery" : "reader" },
                commands = asked.IsBatch ? new[] { new { text = sql, executionMode = "nonQuery" }, new { text = $"INSERT INTO counting (id) VALUES (-{asked.Number})", executionMode = "nonQuery" } } : null,
            }, Given), Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("Halo-Tag", asked.Tag);
        if (asked.Key is not null)
            request.Headers.Add("Idempotency-Key", asked.Key);
        if (accept is not null)
            request.Headers.Add("Accept", accept);
        try
        {
            using var response = await asked.Integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave);
            await using var body = await response.Content.ReadAsStreamAsync(leave);
            if (accept is not null && response.StatusCode == HttpStatusCode.OK)
                asked.Received = await LinesAsync(body, leave);
            else
                Hear(asked, response.StatusCode, await new StreamReader(body).ReadToEndAsync(leave));
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    public static async Task CancelAsync(Asked asked, Guid query)
    {
        try
        {
            using var response = await asked.Integrator.Http.DeleteAsync(new Uri($"{Path(asked)}/{query}", UriKind.Relative));
        }
        catch (HttpRequestException)
        {
            // The API is away: then it is not cancelled.
        }
    }

    public static string Path(Asked asked) => $"integrator/sites/{asked.Practice.SiteId}/queries";

    /// <summary>The rows of a page or an answer.</summary>
    public static void Add(RowDigester digester, ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        foreach (var row in document.RootElement.EnumerateArray())
            Add(digester, row);
    }

    static void Hear(Asked asked, HttpStatusCode status, string body)
    {
        Query? query = null;
        try
        {
            query = JsonSerializer.Deserialize(body, HaloJson.Default.Query);
        }
        catch (JsonException)
        {
            // An error without a query.
        }
        asked.Hear(status, query is null ? null : query with { Result = null });
        if (!asked.Writes && status == HttpStatusCode.OK && query?.Result?.Data is { } data)
        {
            using var digester = new RowDigester();
            Add(digester, Convert.FromBase64String(data));
            asked.Received = digester.Finish();
        }
    }

    static async Task<RowDigest> LinesAsync(Stream body, CancellationToken leave)
    {
        using var digester = new RowDigester();
        using var reader = new StreamReader(body);
        while (await reader.ReadLineAsync(leave) is { } line)
        {
            using var row = JsonDocument.Parse(line);
            Add(digester, row.RootElement);
        }
        return digester.Finish();
    }

    static void Add(RowDigester digester, JsonElement row) => digester.Add(row.GetProperty("id").GetInt64(), row.GetProperty("payload").GetString()!);
}
