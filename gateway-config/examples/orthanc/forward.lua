-- Sends every study to the region gateway as soon as Orthanc takes it for complete. The job survives a restart of
-- Orthanc and shows in its list of jobs; one that failed is sent again with POST /jobs/{id}/resubmit.
function OnStableStudy(studyId, tags, metadata)
   local job = { Resources = { studyId }, Synchronous = false }
   RestApiPost('/dicom-web/servers/region-gateway/stow', DumpJson(job))
end
