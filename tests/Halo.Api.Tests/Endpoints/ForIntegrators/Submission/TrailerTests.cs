using System.Net;
using System.Text;
using Halo.Api.Endpoints.ForIntegrators.Submission;
using Halo.Api.Queries.Immediate;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Endpoints.ForIntegrators.Submission;

public class TrailerTests
{
    [Fact]
    public async Task Trailers_tell_rows_and_outcome_on_http_2()
    {
        var http2 = $"http://127.0.0.1:{PostgresServer.FreePort()}";
        await using var host = await ApiHost.StartAsync(
            $"Kestrel:Endpoints:A:Url=http://127.0.0.1:{PostgresServer.FreePort()}", $"Kestrel:Endpoints:B:Url={http2}", "Kestrel:Endpoints:B:Protocols=Http2");
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var key = await host.CreatePairedAsync(link.SiteId);
        using var client = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };

        async Task<HttpResponseMessage> AskAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{http2}/integrator/sites/{link.SiteId}/queries/immediate")
            {
                Content = new StringContent("""{ "command": { "text": "SELECT 1 AS n" } }""", Encoding.UTF8, "application/json"),
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            request.Headers.Add("Ocp-Apim-Subscription-Key", key);
            request.Headers.Add("Accept", "text/csv");
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        }

        var asked = AskAsync();
        var (id, _) = await link.ExpectExecuteAsync();
        await link.AnswerAsync(id, """[{"n":1},{"n":2}]""", 2);
        using var response = await asked;
        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal("n\r\n1\r\n2\r\n", await response.Content.ReadAsStringAsync());
        Assert.Equal("2", response.TrailingHeaders.GetValues(StreamedResponseWriter.RowsTrailer).Single());
        Assert.Equal("successful", response.TrailingHeaders.GetValues(StreamedResponseWriter.StatusTrailer).Single());

        asked = AskAsync();
        (id, _) = await link.ExpectExecuteAsync();
        await link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("n", SqlType.Int, "INTEGER")]), ProtocolJson.Default.ResultHead);
        await link.Line.SendAsync(FrameKind.Rows, id, "["u8);
        using var reset = await asked;
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => reset.Content.ReadAsStringAsync());
    }
}
