using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Halo.Link.Files;
using Halo.Link.Pages.Upload;
using Halo.Link.Updating;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Updating;

/// <summary>Fetches a bundle, over the Link's own way to the API, from where the last try broke off; slowly while queries run.</summary>
/// <param name="http">With the API's address as its base, and without a timeout of its own.</param>
/// <param name="directory">The agent's data directory.</param>
/// <param name="standAside">Returns when nothing more urgent wants the uplink.</param>
/// <param name="isBusy">Whether queries run.</param>
/// <param name="free">Bytes that are free on the disk of the directory.</param>
sealed class BundleDownload(HttpClient http, AccessToken token, string directory, Func<CancellationToken, ValueTask> standAside, Func<bool> isBusy, Func<long> free, TimeProvider time)
{
    const int Piece = 64 * 1024;
    const string Ending = ".part";

    /// <summary>Left free beside the bundle, for the journal and the spool.</summary>
    const long Margin = 256L << 20;

    /// <summary>After each piece while queries run: at most 1 MiB in a second.</summary>
    static readonly TimeSpan BesideQueries = TimeSpan.FromMilliseconds(64);

    static readonly TimeSpan LongestStall = TimeSpan.FromSeconds(60);

    /// <summary>So often the disk is looked at, in bytes.</summary>
    const long LookEvery = 16L << 20;

    /// <summary>What was found whole: it may wait for days.</summary>
    (string Path, DateTime WrittenAt)? _whole;

    /// <summary>Whether it is there, whole.</summary>
    public bool Has(UpdateTarget target) => _whole is { } whole && whole.Path == PathOf(target) && File.Exists(whole.Path) && File.GetLastWriteTimeUtc(whole.Path) == whole.WrittenAt;

    /// <summary>Fetches what is missing.</summary>
    /// <returns>The file, whole and as the API announced it.</returns>
    /// <exception cref="IOException">The disk has no room, or the line broke: another try goes on from there.</exception>
    /// <exception cref="HttpRequestException">The API cannot be reached or has said no.</exception>
    /// <exception cref="ApiBusyException">The API asks to come again.</exception>
    public async Task<string> FetchAsync(UpdateTarget target, CancellationToken stop)
    {
        var path = PathOf(target);
        RemoveOthers(path);
        if (Has(target))
            return path;
        await using (var file = OwnFiles.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite))
        {
            if (file.Length > target.Length)
                file.SetLength(0);
            Demand(target.Length - file.Length);
            file.Seek(0, SeekOrigin.End);
            string? refused = null;
            while (file.Length < target.Length)
                refused = await ReceiveAsync(file, target, refused, stop);
            file.Flush(flushToDisk: true);
            file.Seek(0, SeekOrigin.Begin);
            if (Convert.ToHexStringLower(await SHA256.HashDataAsync(file, stop)) == target.Sha256)
            {
                _whole = (path, File.GetLastWriteTimeUtc(path));
                return path;
            }
        }
        File.Delete(path);
        throw new IOException("What came is not the release that the API announced: something on the way changed it.");
    }

    /// <summary>Removes what was fetched of other releases, or of all.</summary>
    public void RemoveOthers(string? kept = null)
    {
        foreach (var left in Directory.EnumerateFiles(UpdateHandover.FolderOf(directory), "*" + Ending).Where(f => f != kept).ToList())
            File.Delete(left);
    }

    string PathOf(UpdateTarget target) => Path.Combine(UpdateHandover.FolderOf(directory), target.Sha256 + Ending);

    /// <returns>The token that was refused; null: none was.</returns>
    async Task<string?> ReceiveAsync(FileStream file, UpdateTarget target, string? refused, CancellationToken stop)
    {
        using var stalled = new CancellationTokenSource(LongestStall, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stalled.Token, stop);
        try
        {
            var bearer = await token(refused, either.Token);
            using var request = new HttpRequestMessage(HttpMethod.Get, LinkHttp.BundlePath.TrimStart('/'));
            request.Headers.Authorization = new("Bearer", bearer);
            if (file.Length > 0)
            {
                request.Headers.Range = new(file.Length, null);
                request.Headers.IfRange = new(new EntityTagHeaderValue($"\"{target.Sha256}\""));
            }
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (answer.StatusCode == HttpStatusCode.Unauthorized && refused is null)
                return bearer;
            Judge(answer, target);
            if (answer.StatusCode == HttpStatusCode.OK)
                file.SetLength(0);
            else if (answer.Content.Headers.ContentRange?.From != file.Length)
                throw new HttpRequestException("It was answered with another part than was asked for");
            await using var content = await answer.Content.ReadAsStreamAsync(either.Token);
            await CopyAsync(content, file, target.Length, stalled, either.Token);
            return null;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"Nothing came for {LongestStall.TotalSeconds:0} s"));
        }
    }

    static void Judge(HttpResponseMessage answer, UpdateTarget target)
    {
        if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
            throw new ApiBusyException(answer.Headers.RetryAfter?.Delta);
        if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
            throw new HttpRequestException(string.Create(CultureInfo.InvariantCulture, $"It was answered with HTTP {(int)answer.StatusCode}"), null, answer.StatusCode);
        // Offered another one meanwhile: the API says so over the line too.
        if (answer.Headers.ETag?.Tag != $"\"{target.Sha256}\"")
            throw new HttpRequestException("It was answered with another release, or by something on the way");
    }

    async Task CopyAsync(Stream content, FileStream file, long length, CancellationTokenSource stalled, CancellationToken stop)
    {
        var buffer = new byte[Piece];
        var looked = file.Length;
        while (file.Length < length)
        {
            if (file.Length - looked >= LookEvery)
            {
                Demand(length - file.Length);
                looked = file.Length;
            }
            await standAside(stop);
            if (isBusy())
                await Task.Delay(BesideQueries, time, stop);
            var read = await content.ReadAsync(buffer, stop);
            if (read == 0)
                throw new IOException("The line broke");
            await file.WriteAsync(buffer.AsMemory(0, (int)Math.Min(read, length - file.Length)), stop);
            stalled.CancelAfter(LongestStall);
        }
    }

    void Demand(long bytes)
    {
        if (free() is var left && left - Margin < bytes)
            throw new IOException($"{bytes >> 20} MiB are needed and {Margin >> 20} MiB have to stay free, and {left >> 20} MiB are free on the disk of {directory}");
    }
}

/// <summary>The API sends a release to as many Links as it may.</summary>
/// <param name="retryAfter">When to come again; null: it does not say.</param>
sealed class ApiBusyException(TimeSpan? retryAfter) : Exception("The API sends this release to as many Links at once as it may")
{
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
