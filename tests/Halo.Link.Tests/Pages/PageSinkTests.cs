using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Halo.Contracts.Errors;
using Halo.Link.Files;
using Halo.Link.Pages;
using Halo.Link.Rows;
using Halo.Link.Tests.Work.Async;
using Halo.Testing;

namespace Halo.Link.Tests.Pages;

public sealed class PageSinkTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ManualTime _time = new();
    readonly Guid _query = Guid.NewGuid();

    public void Dispose() => _folder.Dispose();

    Spool NewSpool(SpoolOptions? options = null) =>
        new(_folder.Path, LocalKey.Open(_folder.Path), options ?? new(), _time, () => null);

    [Fact]
    public void Any_rows_in_pages_of_any_size_are_those_rows_again()
    {
        var spool = NewSpool();
        var text = Gen.Elements("", "x", "Ünï", "日本", "\"", "\n", "\u0000", new string('a', 300), new string('é', 5000)).ListOf().Select(string.Concat);
        var cases = from values in text.ListOf()
                    from pageBytes in Gen.OneOf(Gen.Choose(1, 50), Gen.Choose(51, 5000), Gen.Constant(1 << 20))
                    select (Values: values.ToArray(), PageBytes: pageBytes);
        Prop.ForAll(cases.ToArbitrary(), one =>
        {
            var queryId = Guid.NewGuid();
            string[] rows = [.. one.Values.Select(v => JsonSerializer.Serialize(new { v }))];
            var (sink, pages) = TestRows.WriteAsync(spool, queryId, one.PageBytes, rows).Result;
            var next = 0L;
            var read = new List<string>();
            using var digests = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var page in pages)
            {
                var compressed = TestRows.ReadBytes(spool, queryId, page.Number);
                var json = TestRows.Decompress(compressed);
                using var document = JsonDocument.Parse(json);
                var ofPage = document.RootElement.EnumerateArray().Select(r => r.GetRawText()).ToArray();
                Assert.Equal(compressed.Length, page.CompressedSize);
                Assert.Equal(Encoding.UTF8.GetByteCount(json), page.JsonSize);
                Assert.Equal(SHA256.HashData(compressed), page.Digest);
                Assert.Equal((next, ofPage.Length), (page.RowStart, page.RowCount));
                // A page is closed by the first row that fills it, not a row later and not before.
                if (page.Number < pages.Count)
                    Assert.True(page.JsonSize > one.PageBytes);
                if (ofPage.Length > 1)
                    Assert.True(page.JsonSize - 2 - Encoding.UTF8.GetByteCount(ofPage[^1]) < one.PageBytes);
                next += ofPage.Length;
                read.AddRange(ofPage);
                digests.AppendData(page.Digest);
            }
            Assert.Equal(rows, read);
            Assert.Equal(Enumerable.Range(1, pages.Count), pages.Select(p => p.Number));
            Assert.Equal((pages.Count, rows.Length, pages.Sum(p => p.JsonSize)), (sink.PageCount, sink.Rows, sink.Size));
            Assert.Equal(Convert.ToBase64String(digests.GetHashAndReset()), sink.Digest);
            Assert.True(sink.DisposeAsync().IsCompletedSuccessfully);
            spool.Remove(queryId);
        }).QuickCheckThrowOnFailure();
        Assert.Equal(0, spool.UsedBytes);
    }

    [Fact]
    public async Task A_result_without_rows_is_one_empty_page()
    {
        var spool = NewSpool();
        var (sink, pages) = await TestRows.WriteAsync(spool, _query, 1000, []);
        await using (sink)
        {
            var page = Assert.Single(pages);
            Assert.Equal((1, 0L, 0L, 2L), (page.Number, page.RowStart, page.RowCount, page.JsonSize));
            Assert.Equal("[]", TestRows.Decompress(TestRows.ReadBytes(spool, _query, 1)));
        }
    }

    [Fact]
    public async Task A_row_larger_than_every_buffer_stays_whole()
    {
        var spool = NewSpool();
        // Random text does not compress, so it also fills many chunks of the file.
        var row = JsonSerializer.Serialize(new { v = Convert.ToBase64String(RandomNumberGenerator.GetBytes(3_000_000)) });
        var (sink, pages) = await TestRows.WriteAsync(spool, _query, 1000, [row, row]);
        await using (sink)
        {
            Assert.Equal(2, pages.Count);
            Assert.Equal("[" + row + "]", TestRows.Decompress(TestRows.ReadBytes(spool, _query, 2)));
        }
    }

    [Fact]
    public async Task A_million_rows_need_no_memory_of_their_own()
    {
        const int Count = 1_000_000;
        var spool = NewSpool();
        var row = "{\"id\":1234567,\"name\":\"O'Brien, Zoë\",\"balance\":1234.50,\"seen\":\"2026-03-05T14:30:00\"}"u8.ToArray();
        await using var sink = new PageSink(spool, _query, 1 << 20, _ => { }, _ => { });
        await sink.BeginAsync(TestRows.Columns, default);
        var allocated = 0L;
        for (var i = 0; i < Count; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            sink.BeginRow();
            sink.Buffer.Write(row);
            var more = sink.EndRowAsync(default);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(await more);
        }
        await sink.EndAsync(default);
        Assert.Equal(Count, sink.Rows);
        Assert.True(sink.Size > 80_000_000);
        // Something for each piece that is handed over; nothing for a row.
        Assert.InRange(allocated, 0, sink.PageCount * 16_000);
    }

    [Fact]
    public async Task When_the_spool_stays_full_for_ten_seconds_the_statement_ends_as_SpoolFull()
    {
        var spool = NewSpool();
        var text = JsonSerializer.Serialize(new { v = Convert.ToBase64String(RandomNumberGenerator.GetBytes(15_000)) });
        await using var other = (await TestRows.WriteAsync(spool, Guid.NewGuid(), 100, [text])).Sink;
        spool.Resize(10_000);
        await using var sink = new PageSink(spool, _query, 100, _ => { }, _ => { });
        await sink.BeginAsync(TestRows.Columns, default);
        var waiting = sink.WriteRowAsync(text).AsTask();
        _time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        var full = await Assert.ThrowsAsync<RowSinkException>(() => waiting);
        Assert.Equal(FailureCodes.SpoolFull, full.Error.Code);
    }

    [Fact]
    public async Task A_disk_that_refuses_is_told_at_the_end_of_a_row_and_not_in_the_middle()
    {
        var spool = NewSpool();
        await using var sink = new PageSink(spool, _query, 100, _ => { }, _ => { });
        await sink.BeginAsync(TestRows.Columns, default);
        Directory.Delete(Path.Combine(_folder.Path, Spool.FolderName), recursive: true);
        // A page's worth, which is handed over, and pieces in the middle of a long row, which are not.
        await sink.WriteRowAsync("{\"v\":\"" + new string('x', 100) + "\"}");
        sink.BeginRow();
        sink.Buffer.Write(new byte[1_000_000]);
        var refused = await Assert.ThrowsAsync<RowSinkException>(() => sink.EndRowAsync(default).AsTask());
        Assert.Equal(FailureCodes.LinkError, refused.Error.Code);
    }

    [Fact]
    public async Task A_disk_that_refuses_the_only_page_is_told_at_the_end()
    {
        var spool = NewSpool();
        await using var sink = new PageSink(spool, _query, 1 << 20, _ => { }, _ => { });
        await sink.BeginAsync(TestRows.Columns, default);
        Directory.Delete(Path.Combine(_folder.Path, Spool.FolderName), recursive: true);
        await sink.WriteRowAsync("{\"v\":1}");
        var refused = await Assert.ThrowsAsync<RowSinkException>(() => sink.EndAsync(default).AsTask());
        Assert.Equal(FailureCodes.LinkError, refused.Error.Code);
        Assert.Equal(0, sink.PageCount);
    }

    [Fact]
    public async Task A_disk_that_takes_not_even_a_folder_is_told_before_the_first_row()
    {
        var spool = NewSpool();
        await using var sink = new PageSink(spool, _query, 100, _ => { }, _ => { });
        Directory.Delete(Path.Combine(_folder.Path, Spool.FolderName), recursive: true);
        File.WriteAllText(Path.Combine(_folder.Path, Spool.FolderName), "");
        var refused = await Assert.ThrowsAsync<RowSinkException>(() => sink.BeginAsync(TestRows.Columns, default).AsTask());
        Assert.Equal(FailureCodes.LinkError, refused.Error.Code);
    }

    [Fact]
    public async Task Each_result_of_a_batch_has_pages_of_its_own_and_the_first_alone_tells_its_columns()
    {
        var spool = NewSpool();
        var begun = 0;
        var pages = new List<PageInfo>();
        await using var sink = new PageSink(spool, _query, 12, _ => begun++, pages.Add);
        var closed = new List<ClosedResult>();
        foreach (var rows in (string[][])[["""{"v":1}""", """{"v":2}""", """{"v":3}"""], [], ["""{"v":4}"""]])
        {
            await sink.BeginAsync(TestRows.Columns, default);
            foreach (var row in rows)
                Assert.True(await sink.WriteRowAsync(row));
            closed.Add(await sink.CloseResultAsync(default));
        }
        await sink.EndAsync(default);
        Assert.Equal(1, begun);
        Assert.Equal([new ClosedResult(26, 2), new ClosedResult(2, 1), new ClosedResult(9, 1)], closed);
        Assert.Equal([(1, 0L, 2L), (2, 2L, 1L), (3, 0L, 0L), (4, 0L, 1L)], pages.Select(p => (p.Number, p.RowStart, p.RowCount)));
        Assert.Equal(["""[{"v":1},{"v":2}]""", """[{"v":3}]""", "[]", """[{"v":4}]"""], pages.Select(p => TestRows.Decompress(TestRows.ReadBytes(spool, _query, p.Number))));
    }

    [Fact]
    public async Task A_run_that_was_left_behind_and_comes_back_tells_no_columns_and_writes_nothing()
    {
        var spool = NewSpool();
        var begun = 0;
        await using (var sink = new PageSink(spool, _query, 100, _ => begun++, _ => { }))
        {
            sink.Abandon();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await sink.BeginAsync(TestRows.Columns, default));
        }
        Assert.Equal(0, begun);
        Assert.Empty(Directory.GetDirectories(Path.Combine(_folder.Path, Spool.FolderName)));

        await using var second = new PageSink(spool, _query, 100, _ => { }, _ => { });
        await second.BeginAsync(TestRows.Columns, default);
        second.Abandon();
        await second.DisposeAsync();
        spool.Remove(_query);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await second.WriteRowAsync("{\"v\":\"" + new string('x', 100) + "\"}"));
        Assert.Equal(0, spool.UsedBytes);
    }

    [Fact]
    public async Task A_page_that_was_not_finished_leaves_nothing()
    {
        var spool = NewSpool();
        await using (var sink = new PageSink(spool, _query, 1 << 20, _ => { }, _ => { }))
        {
            await sink.BeginAsync(TestRows.Columns, default);
            await sink.WriteRowAsync("{\"v\":1}");
        }
        Assert.Empty(spool.Pages(_query));
        Assert.Equal(0, spool.UsedBytes);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.tmp", SearchOption.AllDirectories));
    }
}
