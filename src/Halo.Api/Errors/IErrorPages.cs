namespace Halo.Api.Errors;

/// <summary>How errors of the present request are shown where a person reads them: a feature of the request, where it is one for a page.</summary>
interface IErrorPages
{
    /// <summary>Shows an error that is not expected to have done anything, or of which <see cref="Refusal.MayBeDone"/> says that it may have.</summary>
    Task WriteAsync(HttpContext http, Refusal refusal);
}
