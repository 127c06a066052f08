using System.Net;
using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Endpoints.ForLinks;

public class RevokedUploadTests(OneHost one) : IClassFixture<OneHost>
{
    [Fact]
    public async Task A_page_that_was_still_coming_when_its_Link_was_revoked_is_not_taken()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var page = TestPage.Of("""[{"n":1}]""", 1);
        using var content = new HeldContent(page.Bytes);
        var put = page.PutAsync(one.Host, site.Link, claim, 1, content);
        await content.Begun.WaitAsync(TimeSpan.FromSeconds(30));
        await one.Host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{site.Link.LinkId}/revoke");
        content.Release();
        using var response = await put;
        await response.ErrorAsync(401);
        Assert.Null((await site.GetAsync(query.Id)).Result);
    }

    /// <summary>Half of the bytes, and the other half when it is let go.</summary>
    sealed class HeldContent(byte[] bytes) : HttpContent
    {
        readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously), _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The first half has left: the service has let the Link in.</summary>
        public Task Begun => _begun.Task;

        public void Release() => _released.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await stream.FlushAsync();
            _begun.SetResult();
            await _released.Task;
            await stream.WriteAsync(bytes.AsMemory(bytes.Length / 2));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = bytes.Length;
            return true;
        }
    }
}
