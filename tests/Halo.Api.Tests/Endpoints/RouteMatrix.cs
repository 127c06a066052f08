using System.Globalization;
using Halo.Contracts.Admin;

namespace Halo.Api.Tests.Endpoints;

/// <summary>
/// Who gets what from which route. <c>anybody</c>: every caller the same status. A role of operators: that of the admin key, everybody else 401; operators' own keys
/// pass with that role or a higher one.
/// <c>link</c>: those of another Link and of the Link whose query it is, everybody else 401. <c>integrator</c>: those of one that is disabled, one that is not
/// paired, one at the practice's site that is not authoritative, and one that is paired; everybody else 401.
/// </summary>
static class RouteMatrix
{
    /// <summary>400 and 415: it got past every question of rights, and its empty body was looked at.</summary>
    const string Table =
        """
        GET    /docs                 anybody 200
        GET    /docs/index.html      anybody 200
        GET    /docs/favicon.svg     anybody 200
        GET    /docs/scalar.js       anybody 200
        GET    /docs/scalar.aspnetcore.js  anybody 200
        GET    /docs/start.js        anybody 200
        GET    /health/live          anybody 200
        GET    /health/ready         anybody 200
        GET    /openapi/v1.json      anybody 200
        GET    /metrics              viewer 200
        POST   /link/v1/nonce        anybody 200
        POST   /link/v1/enrol        anybody 400
        POST   /link/v1/token        anybody 400
        GET    /link/v1/socket                                                                 link 101 101
        PUT    /link/v1/queries/{queryId}/pages/{pageNumber}                                   link 409 422
        GET    /link/v1/registered                                                             link 200 200
        GET    /link/v1/registered/{id}                                                        link 410 410
        PUT    /link/v1/registered/{id}/report                                                 link 400 400
        GET    /link/v1/update                                                                 link 200 200
        GET    /link/v1/update/bundle                                                          link 404 404
        POST   /link/v1/uninstall                                                              link 204 204
        GET    /integrator/limits                                                              integrator 403 200 200 200
        GET    /integrator/sites                                                               integrator 403 200 200 200
        GET    /integrator/sites/{siteId}                                                      integrator 403 200 200 200
        GET    /integrator/sites/{siteId}/schema                                               integrator 403 403 403 409
        POST   /integrator/pair-site                                                           integrator 403 400 400 400
        POST   /integrator/pairSite                                                            integrator 403 400 400 400
        GET    /integrator/events                                                              integrator 403 200 200 200
        POST   /integrator/queries                                                             integrator 403 400 400 400
        GET    /integrator/queries                                                             integrator 403 200 200 200
        GET    /integrator/queries/{surveyId}                                                  integrator 403 404 404 404
        DELETE /integrator/queries/{surveyId}                                                  integrator 403 404 404 404
        GET    /integrator/queries/{surveyId}/sites                                            integrator 403 404 404 404
        GET    /integrator/queries/{surveyId}/results                                          integrator 403 404 404 404
        POST   /integrator/webhooks                                                            integrator 403 400 400 400
        GET    /integrator/webhooks                                                            integrator 403 200 200 200
        GET    /integrator/webhooks/{webhookId}                                                integrator 403 404 404 404
        PUT    /integrator/webhooks/{webhookId}                                                integrator 403 404 404 404
        DELETE /integrator/webhooks/{webhookId}                                                integrator 403 404 404 404
        POST   /integrator/webhooks/{webhookId}/test                                           integrator 403 404 404 404
        POST   /integrator/webhooks/{webhookId}/secrets                                        integrator 403 404 404 404
        DELETE /integrator/webhooks/{webhookId}/secrets/{secretId}                             integrator 403 404 404 404
        GET    /integrator/webhooks/deliveries                                                 integrator 403 200 200 200
        GET    /integrator/webhooks/deliveries/{deliveryId}                                    integrator 403 404 404 404
        POST   /integrator/webhooks/deliveries/{deliveryId}/redeliver                          integrator 403 404 404 404
        POST   /integrator/sites/{siteId}/queries                                              integrator 403 403 403 400
        POST   /integrator/sites/{siteId}/queries/async                                        integrator 403 403 403 400
        POST   /integrator/sites/{siteId}/queries/immediate                                    integrator 403 403 403 400
        POST   /integrator/sites/{siteId}/queries/describe                                     integrator 403 403 403 400
        POST   /integrator/sites/{siteId}/queries/status                                       integrator 403 403 400 400
        GET    /integrator/sites/{siteId}/queries                                              integrator 403 403 200 200
        DELETE /integrator/sites/{siteId}/queries                                              integrator 403 403 400 400
        POST   /integrator/sites/{siteId}/queries/registered                                   integrator 403 403 403 400
        GET    /integrator/sites/{siteId}/queries/registered                                   integrator 403 403 200 200
        GET    /integrator/sites/{siteId}/queries/registered/{id}                              integrator 403 403 404 404
        DELETE /integrator/sites/{siteId}/queries/registered/{id}                              integrator 403 403 404 404
        POST   /integrator/sites/{siteId}/queries/registered/{id}/renew                        integrator 403 403 403 404
        GET    /integrator/sites/{siteId}/queries/registered/{id}/results                      integrator 403 403 404 404
        GET    /integrator/sites/{siteId}/queries/registered/{id}/changes                      integrator 403 403 404 404
        GET    /integrator/sites/{siteId}/queries/{queryId}                                    integrator 403 403 404 200
        DELETE /integrator/sites/{siteId}/queries/{queryId}                                    integrator 403 403 404 202
        GET    /integrator/sites/{siteId}/queries/{queryId}/results                            integrator 403 403 404 409
        DELETE /integrator/sites/{siteId}/queries/{queryId}/results                            integrator 403 403 404 409
        GET    /integrator/sites/{siteId}/queries/{queryId}/results/{pageNumber}               integrator 403 403 404 404
        GET    /integrator/sites/{siteId}/queries/{queryId}/results/{pageNumber}/stream        integrator 403 403 404 404
        GET    /admin/v1/audit                                    viewer 200
        GET    /admin/v1/configuration                            viewer 200
        PUT    /admin/v1/configuration                            operator 200
        GET    /admin/v1/enrolment-tokens                         viewer 200
        POST   /admin/v1/enrolment-tokens                         operator 201
        DELETE /admin/v1/enrolment-tokens/{tokenId}               operator 404
        GET    /admin/v1/integrators                              viewer 200
        POST   /admin/v1/integrators                              operator 400
        GET    /admin/v1/integrators/{id}                         viewer 200
        PATCH  /admin/v1/integrators/{id}                         operator 200
        DELETE /admin/v1/integrators/{id}                         operator 204
        POST   /admin/v1/integrators/{id}/keys/{slot}/rotate      operator 200
        PUT    /admin/v1/integrators/{id}/pairings/{siteId}       operator 200
        DELETE /admin/v1/integrators/{id}/pairings/{siteId}       operator 404
        GET    /admin/v1/links                                    viewer 200
        GET    /admin/v1/links/{linkId}                           viewer 200
        POST   /admin/v1/links/{linkId}/approve                   operator 200
        POST   /admin/v1/links/{linkId}/revoke                    operator 200
        PUT    /admin/v1/links/{linkId}/update                    support 200
        GET    /admin/v1/releases                                 viewer 200
        POST   /admin/v1/releases                                 operator 400
        GET    /admin/v1/releases/{version}                       viewer 404
        DELETE /admin/v1/releases/{version}                       operator 404
        PUT    /admin/v1/releases/{version}/rings/{ring}          operator 404
        POST   /admin/v1/releases/{version}/pause                 support 404
        POST   /admin/v1/releases/{version}/resume                operator 404
        POST   /admin/v1/releases/{version}/withdraw              operator 404
        GET    /admin/v1/me                                       viewer 200
        POST   /admin/v1/operators                                owner 400
        GET    /admin/v1/operators                                owner 200
        GET    /admin/v1/operators/{operatorId}                   owner 404
        PATCH  /admin/v1/operators/{operatorId}                   owner 404
        DELETE /admin/v1/operators/{operatorId}                   owner 404
        POST   /admin/v1/operators/{operatorId}/rotate            owner 404
        GET    /admin/v1/problems                                 viewer 200
        GET    /admin/v1/queries                                  viewer 200
        GET    /admin/v1/sites                                    viewer 200
        GET    /admin/v1/sites/{siteId}                           viewer 200
        DELETE /admin/v1/sites/{siteId}                           operator 200
        PUT    /admin/v1/sites/{siteId}/authority                 operator 200
        PUT    /admin/v1/sites/{siteId}/confirm                   operator 200
        GET    /admin/v1/sites/{siteId}/availability              viewer 200
        GET    /admin/v1/sites/{siteId}/configuration             viewer 200
        PUT    /admin/v1/sites/{siteId}/configuration             support 200
        DELETE /admin/v1/sites/{siteId}/configuration             support 200
        GET    /admin/v1/usage                                    viewer 200
        """;

    static readonly string[] Integrators = ["disabled", "unpaired", "not authoritative", "paired"];
    static readonly string[] Links = ["other Link", "Link"];

    /// <summary>The lowest role that may call each route of operators.</summary>
    public static IReadOnlyDictionary<string, OperatorRole> Roles => Lines().Where(w => w[1].StartsWith("/admin/", StringComparison.Ordinal))
        .ToDictionary(w => $"{w[0]} {w[1]}", w => Enum.Parse<OperatorRole>(w[2], ignoreCase: true));

    /// <summary>The status for each caller, by route.</summary>
    public static IReadOnlyDictionary<string, int[]> Read(IReadOnlyList<string> callers) => Lines()
        .ToDictionary(words => $"{words[0]} {words[1]}", words =>
        {
            var statuses = words.Skip(3).Select(s => int.Parse(s, CultureInfo.InvariantCulture)).ToArray();
            string[] named = words[2] switch { "integrator" => Integrators, "link" => Links, _ when Enum.TryParse<OperatorRole>(words[2], ignoreCase: true, out _) => ["admin"], _ => [.. callers] };
            if (words[2] == "anybody")
                statuses = [.. Enumerable.Repeat(statuses.Single(), callers.Count)];
            Assert.Equal(named.Length, statuses.Length);
            return callers.Select(c => Array.IndexOf(named, c) is >= 0 and var at ? statuses[at] : 401).ToArray();
        });

    static IEnumerable<string[]> Lines() => Table
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
