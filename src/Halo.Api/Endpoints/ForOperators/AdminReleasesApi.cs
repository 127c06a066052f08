using Halo.Api.Capacity;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Links.Updating;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Releases;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>Releases of Halo Link: uploading them, and deciding which Links are offered which.</summary>
static class AdminReleasesApi
{
    public static void MapAdminReleasesApi(this IEndpointRouteBuilder routes)
    {
        var releases = routes.MapGroup("/admin/v1/releases").WithTags("Operator: releases");
        releases.MapGet("", List)
            .Says("ListReleases", "All releases of Halo Link, and how each goes", "Newest first, at most 50.")
            .Answers(200, "Every release.", new AdminReleaseList([ReleaseExamples.Release]), AdminJson.Default.AdminReleaseList);
        releases.MapPost("", UploadAsync).RequireRole(OperatorRole.Operator).WithMetadata(new BundleSizeLimit())
            .Says("UploadRelease", "Upload a signed bundle of a release",
                "The body is the bundle, as ./package makes it: application/octet-stream. It is checked as each updater checks it again. A release has one bundle for each system and processor; uploaded first, it is offered to nobody.")
            .Answers(201, "The release, with this bundle.", ReleaseExamples.Release, AdminJson.Default.AdminRelease)
            .Answers(200, "This very bundle was uploaded before.", ReleaseExamples.Release, AdminJson.Default.AdminRelease)
            .Refuses(400, ErrorCodes.InvalidRequest, "body: The release has a signature that is not good: it was changed, or somebody else made it.")
            .Refuses(409, ErrorCodes.Conflict, "Another bundle of version 26.1201.7 for linux on x64 was uploaded before. Give this one a version of its own.");
        releases.MapGet("/{version}", Get)
            .Says("GetRelease", "One release, and how it goes", "With its rings, bundles and progress.").AnswersRelease();
        releases.MapPut("/{version}/rings/{ring}", SetRingAsync).RequireRole(OperatorRole.Operator)
            .Says("SetReleaseRing", "Offer a release to part of a ring",
                "Links of the ring canary come first, then early, then all others; what a later ring is offered, an earlier one is too. Which Links a share takes depends on their ids alone, so a larger share has all those of a smaller one. Connected Links are told at once.")
            .Asks("How many percent.", new ReleaseRingRequest(25), AdminJson.Default.ReleaseRingRequest)
            .AnswersRelease().Refuses(400, ErrorCodes.InvalidRequest, "percentage: must be a whole number from 0 to 100.");
        releases.MapPost("/{version}/pause", (HttpContext http, string version, ReleaseRegistry all, AdminReleases view, LinkUpdates updates) => DecideAsync(http, version, ReleaseStatus.Paused, all, view, updates)).RequireRole(OperatorRole.Support)
            .Says("PauseRelease", "Offer a release to nobody for now", "Links that have it keep it; those that have not handed it to their updater yet leave it.").AsksWhy().AnswersRelease();
        releases.MapPost("/{version}/resume", (HttpContext http, string version, ReleaseRegistry all, AdminReleases view, LinkUpdates updates) => DecideAsync(http, version, ReleaseStatus.Active, all, view, updates)).RequireRole(OperatorRole.Operator)
            .Says("ResumeRelease", "Offer a release again", "One that was paused, or has stopped by itself: the failures so far do not count any more.").AsksWhy().AnswersRelease();
        releases.MapPost("/{version}/withdraw", (HttpContext http, string version, ReleaseRegistry all, AdminReleases view, LinkUpdates updates) => DecideAsync(http, version, ReleaseStatus.Withdrawn, all, view, updates)).RequireRole(OperatorRole.Operator)
            .Says("WithdrawRelease", "Take a release back for good", "Links that run it go to what they are offered then, also where that is older and they kept it.").AsksWhy().AnswersRelease();
        releases.MapDelete("/{version}", RemoveAsync).RequireRole(OperatorRole.Operator)
            .Says("RemoveRelease", "Remove a release that was withdrawn", "With its bundles, and with what became of it.")
            .AnswersNothing(204, "It is gone.").RefusesUnknown().Refuses(409, ErrorCodes.Conflict, "Only a release that was withdrawn can be removed.");
    }

    static JsonHttpResult<AdminReleaseList> List(AdminReleases view) => TypedResults.Json(new AdminReleaseList(view.All()), AdminJson.Default.AdminReleaseList);

    static IResult Get(string version, ReleaseRegistry all, AdminReleases view) => Show(all.Find(version), view);

    static async Task<IResult> UploadAsync(HttpContext http, BundleFiles files, ReleaseRegistry all, AdminReleases view, LinkUpdates updates, FreeSpace disk)
    {
        disk.DemandForPage(http.Request.ContentLength ?? 0);
        ReleaseManifest manifest;
        string digest;
        long length;
        try
        {
            (manifest, digest, length) = await files.TakeAsync(http.Request.Body, http.RequestAborted);
        }
        catch (ReleaseRefusedException e)
        {
            return Refusal.Invalid("body", e.Message).ToResult();
        }
        var (result, release) = await all.AddAsync(manifest, digest, length, http.Deed());
        if (result is AddBundleResult.Different or AddBundleResult.TooMany && !all.All.SelectMany(r => r.Bundles).Any(b => b.Digest == digest))
            files.Remove(digest);
        if (result == AddBundleResult.Added)
            updates.TellAll();
        return result switch
        {
            AddBundleResult.Different => new Refusal(409, ErrorCodes.Conflict,
                $"Another bundle of version {manifest.Version} for {manifest.System} on {manifest.Architecture} was uploaded before. Give this one a version of its own.").ToResult(),
            AddBundleResult.TooMany => new Refusal(409, ErrorCodes.Conflict, $"{ReleaseRegistry.Most} releases are kept, as many as may be. Withdraw and remove one first.").ToResult(),
            _ => TypedResults.Json(view.Show(release!), AdminJson.Default.AdminRelease, statusCode: result == AddBundleResult.Added ? 201 : 200),
        };
    }

    static async Task<IResult> SetRingAsync(HttpContext http, string version, string ring, ReleaseRegistry all, AdminReleases view, LinkUpdates updates)
    {
        if (ReleaseWords.ReadRing(ring) is not { } which)
            return Refusal.NotFound("There is no such ring; there are canary, early and all.").ToResult();
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.ReleaseRingRequest);
        if (body is null)
            return refusal!.ToResult();
        if (body.Percentage is not (>= 0 and <= 100))
            return Refusal.Invalid("percentage", "must be a whole number from 0 to 100.").ToResult();
        var release = await all.SetRingAsync(version, which, body.Percentage.Value, http.Deed());
        updates.TellAll();
        return Show(release, view);
    }

    static async Task<IResult> DecideAsync(HttpContext http, string version, ReleaseStatus status, ReleaseRegistry all, AdminReleases view, LinkUpdates updates)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.ReleaseDecisionRequest);
        if (body is null)
            return refusal!.ToResult();
        if (body.Reason is { Length: > OperatorDeed.LongestReason })
            return Refusal.Invalid("reason", $"has at most {OperatorDeed.LongestReason} characters.").ToResult();
        var release = await all.SetStatusAsync(version, status, http.Deed(body.Reason));
        if (release is not null && release.Status != status)
            return new Refusal(409, ErrorCodes.Conflict, "The release was withdrawn, and that is for good. Upload one of another version.").ToResult();
        updates.TellAll();
        return Show(release, view);
    }

    static async Task<IResult> RemoveAsync(HttpContext http, string version, ReleaseRegistry all, UpdateAttempts attempts)
    {
        if (all.Find(version) is null)
            return NotFound().ToResult();
        if (!await all.RemoveAsync(version, http.Deed()))
            return new Refusal(409, ErrorCodes.Conflict, "Only a release that was withdrawn can be removed.").ToResult();
        attempts.Forget(version);
        return TypedResults.NoContent();
    }

    static IResult Show(Release? release, AdminReleases view) =>
        release is null ? NotFound().ToResult() : TypedResults.Json(view.Show(release), AdminJson.Default.AdminRelease);

    static Refusal NotFound() => Refusal.NotFound("There is no such release. GET /admin/v1/releases lists them.");

    /// <summary>Lifts the general body limit for this route.</summary>
    sealed class BundleSizeLimit : Microsoft.AspNetCore.Http.Metadata.IRequestSizeLimitMetadata
    {
        public long? MaxRequestBodySize => ReleaseBounds.LongestBundle;
    }
}

/// <summary>Releases as operators see them.</summary>
sealed class AdminReleases(ReleaseRegistry releases, BundleFiles files, UpdateAttempts attempts)
{
    public IReadOnlyList<AdminRelease> All() => [.. releases.All.Select(Show)];

    public AdminRelease Show(Release release) => new(release.Version, release.Status.Word(), new(release.Shares.Canary, release.Shares.Early, release.Shares.All),
        [.. release.Bundles.Select(Show)], attempts.ProgressOf(release.Version), release.UploadedAt, release.ChangedAt)
    {
        Reason = release.Reason,
    };

    AdminReleaseBundle Show(ReleaseBundle bundle) => new(bundle.System, bundle.Architecture, bundle.Digest, bundle.Length, bundle.CreatedAt, bundle.ExpiresAt)
    {
        MinimumFrom = bundle.MinimumFrom,
        Missing = files.Find(bundle.Digest) is null ? true : null,
    };
}
