using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Halo.Link.Tests.Work.Async;
using Halo.Link.Work.Updating;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using HttpResults = Microsoft.AspNetCore.Http.Results;

namespace Halo.Link.Tests.Work.Updating;

/// <summary>A bundle over a bad line, from a real server that does what a test says.</summary>
public sealed class BundleDownloadTests : IAsyncLifetime, IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly byte[] _bundle = RandomNumberGenerator.GetBytes(1_000_000);
    readonly ConcurrentQueue<string> _asked = new();
    readonly HttpClient _http = new();
    WebApplication _server = null!;
    Func<HttpContext, Task<IResult?>> _first = _ => Task.FromResult<IResult?>(null);
    int _pieces;
    long _free = 1L << 40;

    UpdateTarget Target => new() { Version = "26.1201.7", Sha256 = Convert.ToHexStringLower(SHA256.HashData(_bundle)), Length = _bundle.Length };

    BundleDownload Download => new(_http, (refused, _) => ValueTask.FromResult(refused is null ? "old" : "fresh"), _folder.Path, _ =>
    {
        _pieces++;
        return ValueTask.CompletedTask;
    }, () => false, () => _free, TimeProvider.System);

    string Part => Path.Combine(_folder.Path, "update", Target.Sha256 + ".part");

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.MapGet(LinkHttp.BundlePath, async http =>
        {
            _asked.Enqueue($"{http.Request.Headers.Range} {http.Request.Headers.Authorization}".Trim());
            var answer = await _first(http) ?? HttpResults.File(_bundle, "application/octet-stream", entityTag: new($"\"{Target.Sha256}\""), enableRangeProcessing: true);
            await answer.ExecuteAsync(http);
        });
        await _server.StartAsync();
        _http.BaseAddress = new(_server.Urls.Single());
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Dispose();
    }

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task What_was_found_whole_is_not_read_again_while_it_waits_for_its_hours()
    {
        var download = Download;
        Assert.False(download.Has(Target));
        var path = await download.FetchAsync(Target, CancellationToken.None);
        Assert.True(download.Has(Target));
        Assert.Equal(path, await download.FetchAsync(Target, CancellationToken.None));
        // Whoever changes it has it looked at anew.
        await File.WriteAllBytesAsync(path, new byte[_bundle.Length]);
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1));
        Assert.False(download.Has(Target));
        await Assert.ThrowsAsync<IOException>(() => download.FetchAsync(Target, CancellationToken.None));
        await download.FetchAsync(Target, CancellationToken.None);
        Assert.Equal(_bundle, await File.ReadAllBytesAsync(path));
    }

    [Fact]
    public async Task A_bundle_comes_whole_and_other_parts_go()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Part)!);
        var other = Path.Combine(Path.GetDirectoryName(Part)!, "other.part");
        await File.WriteAllTextAsync(other, "of a release that nobody offers any more");
        var path = await Download.FetchAsync(Target, default);
        Assert.Equal(_bundle, await File.ReadAllBytesAsync(path));
        Assert.False(File.Exists(other));
        Assert.InRange(_pieces, 2, 1000);
        // There already, it is not asked for again.
        await Download.FetchAsync(Target, default);
        Assert.Single(_asked);
    }

    [Fact]
    public async Task What_breaks_off_goes_on_from_there()
    {
        _first = async http =>
        {
            http.Response.ContentLength = _bundle.Length;
            http.Response.Headers.ETag = $"\"{Target.Sha256}\"";
            await http.Response.Body.WriteAsync(_bundle.AsMemory(0, 300_000));
            await http.Response.Body.FlushAsync();
            // What was sent is to arrive first.
            await Halo.Testing.Eventually.BecomesAsync(() => Task.FromResult(File.Exists(Part) ? new FileInfo(Part).Length : 0), length => length == 300_000);
            http.Abort();
            return HttpResults.Empty;
        };
        await Assert.ThrowsAnyAsync<Exception>(() => Download.FetchAsync(Target, default));
        _first = _ => Task.FromResult<IResult?>(null);
        Assert.Equal(_bundle, await File.ReadAllBytesAsync(await Download.FetchAsync(Target, default)));
        Assert.Equal(["Bearer old", "bytes=300000- Bearer old"], _asked);
    }

    [Fact]
    public async Task A_token_that_is_refused_is_replaced()
    {
        _first = http => Task.FromResult<IResult?>(http.Request.Headers.Authorization == "Bearer old" ? HttpResults.Unauthorized() : null);
        await Download.FetchAsync(Target, default);
        Assert.Equal(["Bearer old", "Bearer fresh"], _asked);
    }

    [Fact]
    public async Task What_is_not_the_release_that_was_announced_is_thrown_away()
    {
        var target = Target with { Sha256 = new string('0', 64) };
        _first = _ => Task.FromResult<IResult?>(HttpResults.File(_bundle, entityTag: new($"\"{target.Sha256}\"")));
        await Assert.ThrowsAsync<IOException>(() => Download.FetchAsync(target, default));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder.Path, "update")));
    }

    [Theory]
    [InlineData(200, "\"another\"")]
    [InlineData(200, null)]
    [InlineData(404, null)]
    [InlineData(302, null)]
    [InlineData(500, null)]
    public async Task Another_answer_is_not_taken_for_it(int status, string? tag)
    {
        _first = http =>
        {
            http.Response.Headers.ETag = tag;
            return Task.FromResult<IResult?>(HttpResults.Text("a page of a proxy", statusCode: status));
        };
        await Assert.ThrowsAsync<HttpRequestException>(() => Download.FetchAsync(Target, default));
        Assert.Equal(0, new FileInfo(Part).Length);
    }

    [Fact]
    public async Task A_busy_API_is_asked_again_when_it_says()
    {
        _first = http =>
        {
            http.Response.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(30)).ToString();
            return Task.FromResult<IResult?>(HttpResults.StatusCode(503));
        };
        var busy = await Assert.ThrowsAsync<ApiBusyException>(() => Download.FetchAsync(Target, default));
        Assert.Equal(TimeSpan.FromSeconds(30), busy.RetryAfter);
    }

    [Fact]
    public async Task Without_room_on_the_disk_nothing_is_asked_for()
    {
        // A quarter of a gigabyte stays free.
        _free = (256L << 20) + _bundle.Length - 1;
        await Assert.ThrowsAsync<IOException>(() => Download.FetchAsync(Target, default));
        Assert.Empty(_asked);
        _free++;
        await Download.FetchAsync(Target, default);
    }
}
