using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Endings;

/// <summary>A caller of a stream who takes no rows holds the practice's statement no longer than <c>protection.slowReaderMs</c>, through both programs.</summary>
public sealed class SlowReaderTests
{
    [Fact]
    public async Task Who_takes_no_rows_is_cut_off_and_the_query_says_why()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()) { Protection = new() { ["slowReaderMs"] = 1000 } });
        var body = EndingsHouse.Body("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i, hex(zeroblob(500)) AS text FROM n");
        using var stuck = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await stuck.ConnectAsync(fixture.Api.Address.Host, fixture.Api.Address.Port, TestContext.Current.CancellationToken);
        await stuck.SendAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"POST /integrator/sites/{site.Id}/queries/immediate HTTP/1.1\r\nHost: h\r\nAccept: application/x-ndjson\r\nHalo-Tag: stuck\r\nOcp-Apim-Subscription-Key: {integrator.Key}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}")));

        var ended = await Eventually.BecomesAsync(() => FindAsync(integrator, site.Id), q => q?.Status == QueryStatus.ExecutionFailed);
        Assert.Equal((FailureCodes.SlowReader, 408, (Executed?)Executed.No), (ended!.ErrorDetails!.Code, ended.ErrorDetails.ErrorCode, ended.Executed));
        var got = new StringBuilder();
        var buffer = new byte[64 * 1024];
        try
        {
            while (await stuck.ReceiveAsync(buffer) is > 0 and var read)
                got.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        catch (SocketException)
        {
            // Aborted.
        }
        Assert.StartsWith("HTTP/1.1 200", got.ToString(), StringComparison.Ordinal);
        // The last chunk of a whole response.
        Assert.DoesNotContain("\r\n0\r\n", got.ToString(), StringComparison.Ordinal);
        // Its lane serves the next.
        await Eventually.BecomesAsync(link.StatusAsync, s => s["work"]!["immediateRunning"]!.GetValue<int>() == 0);
        Assert.Equal(200, (int)(await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site.Id}/queries/immediate", EndingsHouse.Body("SELECT 1 AS n"))).Status);
    }

    static async Task<Query?> FindAsync(IntegratorClient integrator, Guid site)
    {
        var listed = await integrator.GetAsync($"integrator/sites/{site}/queries?tag=stuck");
        using var found = System.Text.Json.JsonDocument.Parse(listed.Body);
        return found.RootElement.GetProperty("queries").EnumerateArray().Select(q => q.GetProperty("id").GetGuid()).FirstOrDefault() is var id && id != Guid.Empty
            ? await integrator.FindAsync(site, id)
            : null;
    }
}
