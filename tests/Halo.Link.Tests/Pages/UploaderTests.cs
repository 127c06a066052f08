using System.Net.Sockets;
using Halo.Link.Files;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Tests.Work.Async;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Pages;

public sealed class UploaderTests : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new();
    readonly Guid _query = Guid.NewGuid();
    readonly Guid _claim = Guid.NewGuid();
    readonly List<string?> _refused = [];
    ApiStandIn _api = null!;
    Spool _spool = null!;
    IReadOnlyList<PageInfo> _pages = [];

    public async ValueTask InitializeAsync()
    {
        _api = await ApiStandIn.StartAsync();
        _spool = new Spool(_folder.Path, LocalKey.Open(_folder.Path), new(), TimeProvider.System);
        var rows = Enumerable.Range(0, 3).Select(i => $"{{\"v\":\"{i} {Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(100_000))}\"}}");
        var (sink, pages) = await TestRows.WriteAsync(_spool, _query, 1, rows);
        await sink.DisposeAsync();
        _pages = pages;
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _folder.Dispose();
    }

    Uploader NewUploader(Func<CancellationToken, ValueTask>? standAside = null, HttpClient? http = null) => new(http ?? _api.Http, (refused, _) =>
    {
        lock (_refused)
            _refused.Add(refused);
        return ValueTask.FromResult(refused is null ? "first" : "second");
    }, standAside ?? (_ => ValueTask.CompletedTask), _spool, new() { FirstWait = TimeSpan.FromMilliseconds(1), LongestWait = TimeSpan.FromMilliseconds(5) },
        TimeProvider.System, new Random(7), NullLogger<Uploader>.Instance);

    async Task<UploadEnd> UploadAsync(int page = 2, Func<CancellationToken, ValueTask>? standAside = null)
    {
        using var uploader = NewUploader(standAside);
        return await uploader.UploadAsync(_query, () => _claim, page, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Uploads_that_may_be_more_or_fewer_count_at_once_and_interrupt_nothing()
    {
        var arrived = 0;
        var hold = new SemaphoreSlim(0);
        _api.OnPage = async (_, _, _) =>
        {
            Interlocked.Increment(ref arrived);
            await hold.WaitAsync();
            return null;
        };
        using var uploader = NewUploader();
        uploader.Resize(1);
        var uploads = Enumerable.Range(0, 9).Select(i => uploader.UploadAsync(_query, () => _claim, i % 3 + 1, TestContext.Current.CancellationToken)).ToList();
        await LinkUnderTest.Until(() => arrived == 1);
        uploader.Resize(4);
        await LinkUnderTest.Until(() => arrived == 4);
        uploader.Resize(2);
        // Two ends make no room, since there are to be two fewer; from then on one makes room for one.
        hold.Release(2);
        await LinkUnderTest.Until(() => uploads.Count(u => u.IsCompleted) == 2);
        Assert.Equal(4, arrived);
        hold.Release(1);
        await LinkUnderTest.Until(() => arrived == 5);
        Assert.Equal(3, uploads.Count(u => u.IsCompleted));
        uploader.Resize(6);
        await LinkUnderTest.Until(() => arrived == 9);
        hold.Release(100);
        Assert.All(await Task.WhenAll(uploads), u => Assert.Equal(UploadEnd.Delivered, u));
    }

    [Fact]
    public async Task A_page_arrives_as_it_was_made_with_all_that_is_known_of_it()
    {
        Assert.Equal(UploadEnd.Delivered, await UploadAsync());
        var stored = _api.Pages[(_query, 2)];
        Assert.Equal(TestRows.ReadBytes(_spool, _query, 2), stored.Bytes);
        Assert.Equal((_claim, 1L, 1L, _pages[1].JsonSize), (stored.ClaimId, stored.RowStart, stored.RowCount, stored.Size));
        Assert.Equal([(1, false), (2, true), (3, false)], _spool.Pages(_query));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(429)]
    [InlineData(408)]
    public async Task What_may_pass_is_tried_again(int status)
    {
        _api.OnPage = (_, _, before) => Task.FromResult<int?>(before < 3 ? status : null);
        Assert.Equal(UploadEnd.Delivered, await UploadAsync());
        Assert.Equal(4, _api.Puts.Count);
    }

    [Fact]
    public async Task A_connection_cut_in_the_moment_in_which_it_is_made_is_tried_again()
    {
        using var http = new HttpClient(new CutAtOnce(times: 3)) { BaseAddress = _api.Http.BaseAddress };
        using var uploader = NewUploader(http: http);
        Assert.Equal(UploadEnd.Delivered, await uploader.UploadAsync(_query, () => _claim, 2, TestContext.Current.CancellationToken));
        Assert.Single(_api.Puts);
    }

    [Fact]
    public async Task A_connection_cut_in_the_middle_of_a_page_is_tried_again()
    {
        _api.OnPage = async (http, _, before) =>
        {
            if (before >= 3)
                return null;
            await http.Request.Body.ReadExactlyAsync(new byte[20_000 * before]);
            http.Abort();
            return 200;
        };
        Assert.Equal(UploadEnd.Delivered, await UploadAsync());
        Assert.Equal(TestRows.ReadBytes(_spool, _query, 2), _api.Pages[(_query, 2)].Bytes);
    }

    [Fact]
    public async Task An_answer_that_was_lost_leads_to_the_same_page_once_more()
    {
        _api.OnPage = async (http, page, before) =>
        {
            if (before > 0)
                return null;
            using var taken = new MemoryStream();
            await http.Request.Body.CopyToAsync(taken);
            _api.Pages[(_query, page)] = new StoredPage(taken.ToArray(), _claim, 0, 0, 0);
            http.Abort();
            return 200;
        };
        var firstBytes = TestRows.ReadBytes(_spool, _query, 2);
        Assert.Equal(UploadEnd.Delivered, await UploadAsync());
        Assert.Equal(firstBytes, _api.Pages[(_query, 2)].Bytes);
    }

    [Fact]
    public async Task A_refused_token_is_replaced()
    {
        _api.OnPage = (http, _, _) => Task.FromResult<int?>(http.Request.Headers.Authorization == "Bearer first" ? 401 : null);
        Assert.Equal(UploadEnd.Delivered, await UploadAsync());
        Assert.Equal([null, "first"], _refused);
    }

    [Fact]
    public async Task A_settled_query_takes_no_pages()
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(ApiStandIn.Settled);
        Assert.Equal(UploadEnd.Settled, await UploadAsync());
        Assert.Single(_api.Puts);
    }

    [Fact]
    public async Task A_page_that_was_damaged_on_the_way_is_sent_again()
    {
        _api.OnPage = (_, _, before) => Task.FromResult<int?>(before < 2 ? 422 : null);
        Assert.Equal(UploadEnd.Delivered, await UploadAsync());
        Assert.Equal(3, _api.Puts.Count);
    }

    [Fact]
    public async Task A_page_that_is_damaged_each_time_is_given_up()
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(422);
        Assert.Equal(UploadEnd.Damaged, await UploadAsync());
        Assert.Equal(5, _api.Puts.Count);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(409)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(413)]
    public async Task What_will_never_pass_is_not_tried_again(int status)
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(status);
        Assert.Equal(UploadEnd.Refused, await UploadAsync());
        Assert.Single(_api.Puts);
    }

    [Fact]
    public async Task A_damaged_page_is_lost_and_never_stored()
    {
        var file = Directory.GetFiles(_folder.Path, "00000002.page", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
        Assert.Equal(UploadEnd.Lost, await UploadAsync());
        Assert.Empty(_api.Pages);
    }

    [Fact]
    public async Task A_page_that_is_gone_is_lost()
    {
        Assert.Equal(UploadEnd.Lost, await UploadAsync(page: 9));
        Assert.Empty(_api.Puts);
    }

    [Fact]
    public async Task Immediate_work_goes_before_every_piece_of_a_page()
    {
        var pieces = 0;
        Assert.Equal(UploadEnd.Delivered, await UploadAsync(standAside: _ =>
        {
            pieces++;
            return ValueTask.CompletedTask;
        }));
        Assert.Equal((_pages[1].CompressedSize + 32 * 1024 - 1) / (32 * 1024), pieces);
    }

    [Fact]
    public async Task No_more_pages_than_set_are_on_their_way_at_once()
    {
        var (now, most) = (0, 0);
        using var uploader = NewUploader();
        var all = new SemaphoreSlim(0);
        _api.OnPage = async (_, _, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref now));
            if (now >= 3)
                all.Release(100);
            await all.WaitAsync();
            Interlocked.Decrement(ref now);
            return null;
        };
        var uploads = Enumerable.Range(0, 9).Select(i => uploader.UploadAsync(_query, () => _claim, i % 3 + 1, CancellationToken.None));
        Assert.All(await Task.WhenAll(uploads), end => Assert.Equal(UploadEnd.Delivered, end));
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task It_stops_when_it_is_told()
    {
        using var stop = new CancellationTokenSource();
        _api.OnPage = async (http, _, _) =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return 500;
        };
        using var uploader = NewUploader();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => uploader.UploadAsync(_query, () => _claim, 1, stop.Token));
    }

    /// <summary>As SocketsHttpHandler does it, when the peer is gone before it has asked for its address.</summary>
    sealed class CutAtOnce(int times) : DelegatingHandler(new SocketsHttpHandler())
    {
        int _left = times;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Interlocked.Decrement(ref _left) >= 0
                ? throw new SocketException((int)SocketError.NotConnected)
                : base.SendAsync(request, cancellationToken);
    }
}
