using System.Collections.Concurrent;
using System.Text.Json;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.AspNetCore.Http;
using HttpResults = Microsoft.AspNetCore.Http.Results;

namespace Halo.Link.Tests.Work.Registered;

/// <summary>An API that answers strangely about registered queries: the Link goes on, and runs what can be run.</summary>
public sealed class StrangeListTests
{
    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("{\"items\":[{\"id\":\"00000000-0000-0000-0000-000000000001\",\"remainingMs\":-1},{\"id\":\"00000000-0000-0000-0000-000000000001\",\"remainingMs\":9223372036854775807}]}")]
    public async Task A_list_that_is_none_ends_nothing_and_is_asked_for_again(string list)
    {
        await using var api = await TestApi.StartAsync();
        var calls = 0;
        api.OnRegistered = http => Task.FromResult(http.Request.Path == LinkHttp.RegisteredPath && Interlocked.Increment(ref calls) > 0
            ? HttpResults.Text(list, "application/json") : HttpResults.Text("{}", "application/json"));
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync([Welcome.HasRegisteredQueries]);
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref calls)), c => c >= 1);
        await session.SendAsync(FrameKind.RegisteredChanged, Guid.Empty, new Renew(""), ProtocolJson.Default.Renew);
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref calls)), c => c >= 2);
        Assert.False(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task One_that_cannot_be_had_keeps_no_other_away()
    {
        await using var api = await TestApi.StartAsync();
        var (bad, good) = (Guid.Parse("00000000-0000-0000-0000-000000000001"), Guid.Parse("00000000-0000-0000-0000-000000000002"));
        var reports = new ConcurrentQueue<Guid>();
        Guid? site = null;
        api.OnRegistered = http => Task.FromResult<IResult>(http.Request.Path.Value switch
        {
            LinkHttp.RegisteredPath => HttpResults.Json(new RegisteredList([new(bad, 3_600_000), new(good, 3_600_000)]), ProtocolJson.Default.RegisteredList),
            var path when path == LinkHttp.RegisteredPathOf(bad) => HttpResults.StatusCode(500),
            var path when path == LinkHttp.RegisteredPathOf(good) => HttpResults.Json(
                new RegisteredDefinition(good, site!.Value, Guid.NewGuid(), new("SELECT name FROM patient"), 60_000, 3_600_000, 60_000, 1 << 20), ProtocolJson.Default.RegisteredDefinition),
            var path when path == LinkHttp.RegisteredReportPath(good) => Told(good),
            _ => HttpResults.NotFound(),
        });
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        site = api.Enrolments.Last().Sites[0].Id;
        await session.WelcomeAsync([Welcome.HasRegisteredQueries]);
        await Eventually.BecomesAsync(() => Task.FromResult(reports.Count), c => c >= 1);

        IResult Told(Guid id)
        {
            reports.Enqueue(id);
            return HttpResults.Json(new RegisteredAck(null), ProtocolJson.Default.RegisteredAck);
        }
    }

    [Fact]
    public async Task An_answer_without_a_list_takes_nothing_away()
    {
        await using var api = await TestApi.StartAsync();
        var (id, reports, empty) = (Guid.NewGuid(), 0, false);
        Guid? site = null;
        api.OnRegistered = http => Task.FromResult<IResult>(http.Request.Path.Value switch
        {
            LinkHttp.RegisteredPath when Volatile.Read(ref empty) => HttpResults.Text("{}", "application/json"),
            LinkHttp.RegisteredPath => HttpResults.Json(new RegisteredList([new(id, 3_600_000)]), ProtocolJson.Default.RegisteredList),
            var path when path == LinkHttp.RegisteredPathOf(id) => HttpResults.Json(
                new RegisteredDefinition(id, site!.Value, Guid.NewGuid(), new("SELECT name FROM patient"), 1000, 3_600_000, 60_000, 1 << 20), ProtocolJson.Default.RegisteredDefinition),
            _ when Interlocked.Increment(ref reports) > 0 => HttpResults.Json(new RegisteredAck(null), ProtocolJson.Default.RegisteredAck),
            _ => HttpResults.NotFound(),
        });
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        site = api.Enrolments.Last().Sites[0].Id;
        await session.WelcomeAsync([Welcome.HasRegisteredQueries]);
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref reports)), r => r >= 1);
        Volatile.Write(ref empty, true);
        await session.SendAsync(FrameKind.RegisteredChanged, Guid.Empty, new Renew(""), ProtocolJson.Default.Renew);
        // Said once it was asked.
        await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2130).Count), said => said >= 1);
        var then = Volatile.Read(ref reports);
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref reports)), r => r >= then + 2);
    }

    [Fact]
    public async Task An_older_API_is_not_asked()
    {
        await using var api = await TestApi.StartAsync();
        var calls = 0;
        api.OnRegistered = _ =>
        {
            Interlocked.Increment(ref calls);
            return Task.FromResult(HttpResults.NotFound());
        };
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        // Its first heartbeat comes after the Welcome was taken in.
        await session.NextAsync(FrameKind.Heartbeat);
        Assert.Equal(0, calls);
    }
}
